//! Patterns over the paths of parameters.

/// Whether a path matches a pattern: `*` is any text inside of a name, `**` any number of names.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let path: Vec<&str> = path.split('.').collect();
    sequence(
        &pattern,
        &path,
        |part| *part == "**",
        |part, name| {
            let (part, name): (Vec<char>, Vec<char>) = (part.chars().collect(), name.chars().collect());
            sequence(&part, &name, |c| *c == '*', |a, b| a == b)
        },
    )
}

/// Whether items match a pattern in which some parts stand for any number of items.
fn sequence<P, T>(
    pattern: &[P],
    items: &[T],
    any: impl Fn(&P) -> bool,
    one: impl Fn(&P, &T) -> bool,
) -> bool {
    let mut reached = vec![false; items.len() + 1];
    reached[0] = true;
    for part in pattern {
        if any(part) {
            let first = reached.iter().position(|reached| *reached).unwrap_or(reached.len());
            reached.iter_mut().skip(first).for_each(|reached| *reached = true);
        } else {
            for at in (0..items.len()).rev() {
                reached[at + 1] = reached[at] && one(part, &items[at]);
            }
            reached[0] = false;
        }
    }
    reached[items.len()]
}

/// What a name is called by a rule: where the pattern matches, each of its stars stands for what the star of
/// that place in `to` becomes.
pub(crate) fn renamed(pattern: &str, to: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = pattern.split_inclusive('*').collect();
    let mut taken = Vec::new();
    if !captures(&parts, name, &mut taken) {
        return None;
    }
    let mut taken = taken.into_iter().rev();
    Some(
        to.split_inclusive('*')
            .map(|part| match part.strip_suffix('*') {
                Some(text) => format!("{text}{}", taken.next().unwrap_or_default()),
                None => part.to_owned(),
            })
            .collect(),
    )
}

/// Whether a text is these parts, each of which may end with a star: any text without a point. Pushes what the
/// stars stand for, the last one first.
fn captures<'t>(parts: &[&str], text: &'t str, taken: &mut Vec<&'t str>) -> bool {
    let Some((part, rest)) = parts.split_first() else { return text.is_empty() };
    let Some(plain) = part.strip_suffix('*') else { return rest.is_empty() && text == *part };
    let Some(text) = text.strip_prefix(plain) else { return false };
    let most = text.find('.').unwrap_or(text.len());
    let ends = text[..most].char_indices().map(|(end, _)| end).chain([most]);
    ends.rev().any(|end| {
        let fits = captures(rest, &text[end..], taken);
        if fits {
            taken.push(&text[..end]);
        }
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::{matches, renamed};

    #[test]
    fn patterns_match_names_and_paths() {
        for (pattern, path, is) in [
            ("**.b", "b", true),
            ("**.b", "hidden.b", true),
            ("**.b", "a.hidden.b", true),
            ("**.b", "hidden.wb", false),
            ("*.b", "b", false),
            ("*.b", "hidden.b", true),
            ("*.b", "a.hidden.b", false),
            ("embed.**", "embed.w", true),
            ("embed.**", "embedding.w", false),
            ("layer*.w", "layer2.w", true),
            ("blocks[*].w", "blocks[12].w", true),
            ("*a*b*", "cacb", true),
            ("*a*b*", "cbca", false),
            ("**.attn.**", "blocks.attn.wq", true),
            ("**", "a.b.c", true),
            ("*", "a.b", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, path), is, "{pattern} on {path}");
        }
    }

    #[test]
    fn stars_of_a_pattern_are_those_of_the_new_name() {
        for (pattern, to, name, want) in [
            ("fc1.weight", "hidden.w", "fc1.weight", Some("hidden.w")),
            ("fc1.weight", "hidden.w", "fc2.weight", None),
            ("layers.*.weight", "blocks[*].w", "layers.12.weight", Some("blocks[12].w")),
            ("layers.*.weight", "blocks[*].w", "layers.1.2.weight", None),
            ("*.*.bias", "*_*.b", "a.b.bias", Some("a_b.b")),
            ("*.weight", "*.w", "fc.weight", Some("fc.w")),
            ("a*b*", "*-*", "aabbb", Some("abb-")),
            ("*", "net.*", "w", Some("net.w")),
            ("*.weight", "w", "fc.weight", Some("w")),
        ] {
            assert_eq!(renamed(pattern, to, name).as_deref(), want, "{pattern} on {name}");
        }
    }
}
