//! Small data in the place of large: examples whose data are fetched are tried on the first rows of each
//! file, which lie in `tests/data`. So a test gives the same with and without the whole data.

use std::path::Path;

/// The script with every data file that has a stand-in replaced by it; `None`, after a word on standard
/// error, if some data file is neither there nor has a stand-in. Paths are those of `examples`.
pub(super) fn with_small_data(name: &str, source: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut replaced = source.to_owned();
    let files = source.split('"').skip(1).step_by(2).filter_map(|text| text.strip_prefix("data/"));
    for file in files {
        if root.join("tests/data").join(file).is_file() {
            replaced = replaced.replace(&format!("\"data/{file}\""), &format!("\"../tests/data/{file}\""));
        } else if !root.join("examples/data").join(file).is_file() {
            eprintln!("{name} is skipped: there is neither examples/data/{file} nor tests/data/{file}");
            return None;
        }
    }
    Some(replaced)
}
