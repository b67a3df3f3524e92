//! Files that the manifests of several reports resolved to.
//!
//! The same key may lie in several mirrors below one grant. Where a mirror lacks a file, the place that is left may be
//! another account's: rows must not be charged to both, nor to the wrong one.

use costhost_sdk::contract::{Failure, Report};
use costhost_sdk::delivery::tree::folder;
use costhost_sdk::failure::{Place, skip_report};
use std::collections::BTreeMap;

/// A report, and the path of its manifest.
pub(crate) type Claim = (String, Report);

/// Keeps of reports that share a file the one whose manifest lies nearest to it; the others fail. Where several lie as
/// near, nothing tells whose file it is, and all of them fail.
pub(crate) fn settled(claims: Vec<Claim>) -> (Vec<Report>, Vec<(Report, Failure)>) {
    let mut nearest: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for (manifest, report) in &claims {
        for file in &report.files {
            nearest.entry(file.path.clone()).or_default().push((shared(manifest, &file.path), manifest.clone()));
        }
    }
    let rival = |manifest: &str, path: &str| {
        let own = shared(manifest, path);
        let others = nearest.get(path)?.iter().filter(|(_, other)| other != manifest);
        others.filter(|(near, _)| *near >= own).map(|(_, other)| other.clone()).next()
    };
    let (mut reports, mut failed) = (Vec::new(), Vec::new());
    for (manifest, report) in claims {
        let lost = report.files.iter().find_map(|file| Some((file.path.clone(), rival(&manifest, &file.path)?)));
        match lost {
            None => reports.push(report),
            Some((path, other)) => failed.push((report, shares(&manifest, &path, &other))),
        }
    }
    (reports, failed)
}

/// Letters of the folders that a manifest and a file have in common.
fn shared(manifest: &str, path: &str) -> usize {
    let folders = folder(manifest);
    let same = folders.split_inclusive('/').zip(path.split_inclusive('/')).take_while(|(a, b)| a == b);
    same.map(|(part, _)| part.len()).sum()
}

fn shares(manifest: &str, path: &str, other: &str) -> Failure {
    let message = format!(
        "of the files that the manifest {manifest} lists only {path} was found below the granted prefix, which {other}, \
         the manifest of another report, lists too; copy the file beside its manifest, or grant each report's folder by \
         itself"
    );
    skip_report("manifest.shared-file", message).in_file(manifest)
}
