//! Reports and lakes in Azure Blob Storage, against a real server.

use std::path::Path;

use costhost_tests::azurite::Azurite;
use costhost_tests::program::{Costhost, shared};

const TOTALS: &str = "select source, month, count(*) as n, sum(line_item_unblended_cost) as cost from line_items group by 1, 2 \
                      order by 1, 2";

fn with(lake: &str, variables: &[(String, String)]) -> Costhost {
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Costhost::with_lake(super::PROGRAM, lake, &variables)
}

#[test]
fn reports_and_the_lake_may_both_lie_in_azure() {
    let server = Azurite::start();
    server.upload("billing", Some(Path::new(&shared("aws/nise"))));
    server.upload("lake", None);
    let costhost = with("az://lake/costs", &server.with_key());
    let receipt = costhost.receipt(&["az://billing", "--source-name", "prod"]);
    assert_eq!(receipt["periods"].as_array().unwrap().len(), 2, "{receipt}");
    let local = super::costhost();
    local.receipt(&[&shared("aws/nise"), "--source-name", "prod"]);
    assert_eq!(costhost.sql(TOTALS), local.sql(TOTALS));
    let again = costhost.run(&["az://billing", "--source-name", "prod"]);
    assert!(again.code == 0 && again.out.contains("nothing new"), "{}{}", again.out, again.err);
    // Made anew from rows that lie there.
    let marked = costhost.receipt(&["az://billing", "--source-name", "prod", "--markup", "10"]);
    assert_eq!(marked["periods"][0]["status"], "summarized", "{marked}");
}

#[test]
fn a_signature_is_enough_to_read_and_a_wrong_key_says_so() {
    let server = Azurite::start();
    server.upload("billing", Some(Path::new(&shared("aws/nise"))));
    let signature = server.signature("billing");
    let local = super::costhost();
    let run = |variables: &[(String, String)]| {
        let costhost = with(local.lake(), variables);
        costhost.run(&["az://billing", "--source-name", "prod"])
    };
    let wrong_key = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXk=";
    let refused = run(&server.environment("AZURE_STORAGE_ACCOUNT_KEY", wrong_key));
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    let said = refused.out + &refused.err;
    assert!(said.contains("az://billing") && said.contains("AZURE_STORAGE_ACCOUNT"), "{said}");
    assert!(!said.contains(wrong_key), "{said}");
    let read = run(&server.environment("AZURE_STORAGE_SAS_KEY", &signature));
    assert_eq!(read.code, 0, "{}{}", read.out, read.err);
}
