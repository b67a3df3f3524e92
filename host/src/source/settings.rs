//! The settings of a store: defaults, then the environment, then what the caller says.

use super::store::StoreOptions;

/// Settings of the stores whose variables begin with `family` (`aws`, `azure`, `google`), lower case; later ones win.
pub(super) fn collect(family: &str, options: &StoreOptions) -> Vec<(String, String)> {
    let mut given = Vec::new();
    if options.environment {
        // Sorted, so that two names of one setting are taken in the same order on every run.
        let mut found: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        found.sort();
        given.append(&mut found);
    }
    given.extend(options.settings.iter().cloned());
    select(family, options, given)
}

fn select(family: &str, options: &StoreOptions, given: Vec<(String, String)>) -> Vec<(String, String)> {
    let seconds = |d: std::time::Duration| format!("{} seconds", d.as_secs_f64());
    let mut out = vec![
        ("connect_timeout".to_owned(), seconds(options.connect_timeout)),
        ("timeout".to_owned(), seconds(options.request_timeout)),
    ];
    for (name, value) in given {
        let name = name.to_ascii_lowercase();
        if !name.starts_with(family) || value.is_empty() {
            continue;
        }
        if name == "azure_storage_connection_string" {
            out.extend(connection_string(&value));
        } else {
            out.push((name, value));
        }
    }
    // A plain http endpoint is always a server of one's own: refusing it would only ask for a second setting.
    let plain = out
        .iter()
        .any(|(name, value)| (name.contains("endpoint") || name.ends_with("base_url")) && value.starts_with("http://"));
    if plain {
        out.push(("allow_http".to_owned(), "true".to_owned()));
    }
    out
}

/// `AccountName=..;AccountKey=..;BlobEndpoint=..` as the Azure portal gives it.
fn connection_string(text: &str) -> Vec<(String, String)> {
    text.split(';')
        .filter_map(|part| part.split_once('='))
        .filter_map(|(name, value)| {
            let name = match name.trim() {
                "AccountName" => "azure_storage_account_name",
                "AccountKey" => "azure_storage_account_key",
                "BlobEndpoint" => "azure_storage_endpoint",
                "SharedAccessSignature" => "azure_storage_sas_key",
                _ => return None,
            };
            Some((name.to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(family: &str, given: &[(&str, &str)]) -> Vec<(String, String)> {
        let given = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        select(family, &StoreOptions::default(), given)
    }

    #[test]
    fn a_plain_endpoint_allows_http_and_a_tls_one_does_not() {
        let allows = |given: &[(&str, &str)]| chosen("aws", given).iter().any(|(n, _)| n == "allow_http");
        assert!(allows(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")]));
        assert!(!allows(&[("AWS_ENDPOINT_URL", "https://minio.example")]));
        assert!(!allows(&[("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:10000")]));
    }

    #[test]
    fn a_connection_string_is_taken_apart() {
        let given = [("AZURE_STORAGE_CONNECTION_STRING", "AccountName=a;AccountKey=k==;BlobEndpoint=http://x/a;")];
        let out = chosen("azure", &given);
        for (name, value) in [
            ("azure_storage_account_name", "a"),
            ("azure_storage_account_key", "k=="),
            ("azure_storage_endpoint", "http://x/a"),
            ("allow_http", "true"),
        ] {
            assert!(out.contains(&(name.to_owned(), value.to_owned())), "{name}");
        }
    }
}
