//! `egret fmt` with several files, `--check` and `--write`.

use std::fs;

use super::{code, egret, folder, stderr, stdout};

const PLAIN: &str = "let a = 1\n";
const CROWDED: &str = "let   a=1\n";

#[test]
fn check_names_the_scripts_that_are_not_in_the_standard_layout() {
    let folder = folder("fmt_check");
    fs::write(folder.join("plain.eg"), PLAIN).expect("it can be written");
    fs::write(folder.join("crowded.eg"), CROWDED).expect("it can be written");
    let fine = egret(&["fmt", "--check", "plain.eg"], &folder);
    assert_eq!((code(&fine), stdout(&fine).as_str()), (0, ""));
    let found = egret(&["fmt", "--check", "crowded.eg", "plain.eg"], &folder);
    assert_eq!((code(&found), stdout(&found).as_str()), (1, "crowded.eg\n"));
    assert_eq!(fs::read_to_string(folder.join("crowded.eg")).expect("it is there"), CROWDED);
}

#[test]
fn write_changes_files_and_leaves_out_what_does_not_parse() {
    let folder = folder("fmt_write");
    fs::write(folder.join("crowded.eg"), CROWDED).expect("it can be written");
    fs::write(folder.join("broken.eg"), "let a = (1\n").expect("it can be written");
    let output = egret(&["fmt", "--write", "broken.eg", "crowded.eg"], &folder);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("broken.eg"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(folder.join("crowded.eg")).expect("it is there"), PLAIN);
    assert_eq!(fs::read_to_string(folder.join("broken.eg")).expect("it is there"), "let a = (1\n");
    assert_eq!(fs::read_dir(&folder).expect("it can be listed").count(), 2, "no draft is left");
}

#[cfg(unix)]
#[test]
fn write_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = folder("fmt_link");
    let file = folder.join("crowded.eg");
    fs::write(&file, CROWDED).expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it is ours");
    symlink("crowded.eg", folder.join("link.eg")).expect("it can be made");
    assert_eq!(code(&egret(&["fmt", "--write", "link.eg"], &folder)), 0);
    assert!(fs::symlink_metadata(folder.join("link.eg")).expect("it is there").is_symlink());
    assert_eq!(fs::read_to_string(&file).expect("it is there"), PLAIN);
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o640);
}

#[test]
fn wrong_usage_is_refused() {
    let folder = folder("fmt_usage");
    for name in ["a.eg", "b.eg"] {
        fs::write(folder.join(name), CROWDED).expect("it can be written");
    }
    for args in [
        &["fmt", "a.eg", "b.eg"][..],
        &["fmt", "--write", "-"],
        &["fmt", "--check", "--write", "a.eg"],
        &["fmt"],
    ] {
        assert_eq!(code(&egret(args, &folder)), 2, "{args:?}");
    }
    assert_eq!(code(&egret(&["fmt", "--check", "none.eg"], &folder)), 1);
}
