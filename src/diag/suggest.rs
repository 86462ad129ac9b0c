//! "Did you mean": the candidate that is nearest to a misspelt name.

/// The candidate nearest to `name`, if one is near enough to be meant: about one edit in three letters.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length > 100 {
        return None;
    }
    let most = length.div_ceil(3).min(3);
    let near = candidates.into_iter().filter(|candidate| *candidate != name);
    let near = near.filter(|candidate| candidate.chars().count().abs_diff(length) <= most);
    let best = near.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (best.0 <= most && best.0 < length).then_some(best.1)
}

/// Edits (insert, delete, replace, swap neighbours) that turn `a` into `b`; case alone costs nothing
/// more than one edit.
fn distance(a: &str, b: &str) -> usize {
    if a.to_lowercase() == b.to_lowercase() { usize::from(a != b) } else { strsim::osa_distance(a, b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["sigmoid", "relu", "softmax", "softplus", "tanh", "x", "é"];
        let near = |name| nearest(name, names);
        assert_eq!(near("sigmiod"), Some("sigmoid"));
        assert_eq!(near("Relu"), Some("relu"));
        assert_eq!(near("softmx"), Some("softmax"));
        assert_eq!(near("tan"), Some("tanh"));
        assert_eq!(near("RELU"), Some("relu"));
        assert_eq!(near("y"), None);
        assert_eq!(near("gelu_fast"), None);
        assert_eq!(near(""), None);
        assert_eq!(nearest("relu", ["relu"]), None);
        assert_eq!(nearest("abd", ["abx", "abc"]), Some("abc"), "ties go by name");
    }
}
