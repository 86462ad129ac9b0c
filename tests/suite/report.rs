//! The page about a run: what is in it, and what a browser makes of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = "// </pre><script>alert(1)</script> & \"quotes\"
data d = csv(\"small.csv\", target = \"kind\", test = 0.25)
model m(x: real[B, 2]) -> real[B, 2] {
  layer hidden = dense[2, 8]
  layer out    = dense[8, 2]
  x |> hidden |> tanh |> out
}
let fit = train m on d.train {
  loss      = mean(cross_entropy(m(x), y))
  metric accuracy = mean(argmax(m(x), axis = -1) == y)
  optimizer = { \"**.b\": sgd(lr = 0.1), else: adam |> eg_gain |> eg_scale }
  batch     = 2
  epochs    = 40
  validate  = d.test
}
let runs = sweep lr in [1e-3, 1e-2, 0.1], seed in 0..2 {
  train m on d.train {
    loss      = mean(cross_entropy(m(x), y))
    optimizer = adam(lr = lr)
    batch     = 2
    epochs    = 10
    seed      = seed
  }
}
";

/// Runs the script with a report and gives the page and where it is.
fn report(name: &str) -> (String, PathBuf) {
    let folder = std::env::temp_dir().join(format!("egret-report-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/run/small.csv");
    fs::copy(data, folder.join("small.csv")).expect("data");
    fs::write(folder.join("a&b.eg"), SCRIPT).expect("a script");
    let done = Command::new(env!("CARGO_BIN_EXE_egret"))
        .args(["run", "a&b.eg", "--report", "out.html"])
        .current_dir(&folder)
        .output()
        .expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (fs::read_to_string(folder.join("out.html")).expect("the page is there"), folder)
}

#[test]
fn a_page_holds_the_run_and_loads_nothing() {
    let (page, folder) = report("text");
    fs::remove_dir_all(folder).expect("it is there");
    for part in [
        "<title>a&amp;b.eg</title>",
        "6 runs over lr, seed",
        "opt.eg_gain.p",
        "hidden.w/opt.eg_gain.p",
        "opt.eg_scale.s",
        "&quot;**.b&quot;: sgd",
        "opt.sgd.lr",
        "fit.step k0",
        "in the arena",
        "graph fit.step",
        "&lt;/pre&gt;&lt;script&gt;alert(1)",
    ] {
        assert!(page.contains(part), "no `{part}` in the page");
    }
    let foreign = page.replace("http://www.w3.org/2000/svg", "");
    for loaded in ["<script", "http:", "https:", "src=", "@import", "url(", "NaN"] {
        assert!(!foreign.contains(loaded), "`{loaded}` is in the page");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let (_, folder) = report("unwritable");
    let done = Command::new(env!("CARGO_BIN_EXE_egret"))
        .args(["run", "a&b.eg", "--report", "nowhere/out.html"])
        .current_dir(&folder)
        .output()
        .expect("it runs");
    fs::remove_dir_all(folder).expect("it is there");
    let text = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.code() == Some(1) && text.contains("cannot write the report"), "{text}");
}

/// A browser of this machine.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    names.into_iter().find(|name| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    })
}

/// What a browser makes of a page in a frame of some width: the elements that reach out of it, and what it
/// complains about.
fn browse(browser: &str, page: &str, width: u32, folder: &Path) -> (String, String) {
    let framed = page.replace('&', "&amp;").replace('"', "&quot;");
    let outer = format!(
        "<!doctype html><title>frame</title><iframe id=f width={width} height=800 style=border:0 srcdoc=\"{framed}\"></iframe>
         <script>f.onload = () => {{
           const inner = f.contentDocument;
           for (const details of inner.querySelectorAll('details')) details.open = true;
           const root = inner.documentElement;
           const wide = [...inner.querySelectorAll('main > *')].filter(e => e.getBoundingClientRect().right > {width} + 1);
           document.body.dataset.seen = [root.scrollWidth <= {width}, wide.map(e => e.tagName).join(' '),
             inner.querySelectorAll('svg').length, inner.title].join('|');
         }}</script>"
    );
    let file = folder.join("frame.html");
    fs::write(&file, outer).expect("a page");
    let log = folder.join("log");
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .stdout(fs::File::create(folder.join("dom")).expect("a file"))
        .stderr(fs::File::create(&log).expect("a file"))
        .spawn()
        .expect("it starts");
    let start = Instant::now();
    while child.try_wait().expect("it runs").is_none() {
        if start.elapsed() > Duration::from_secs(120) {
            child.kill().expect("it runs");
            panic!("the browser does not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let read =
        |name: &str| String::from_utf8_lossy(&fs::read(folder.join(name)).expect("a file")).into_owned();
    let (dom, log) = (read("dom"), read("log"));
    let seen = dom.split("data-seen=\"").nth(1).and_then(|rest| rest.split('"').next());
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    (seen.unwrap_or_else(|| panic!("the page did not load: {log}")).to_owned(), complaints.join("\n"))
}

#[test]
fn a_browser_shows_it_on_a_telephone_and_on_a_desk() {
    let Some(browser) = browser() else {
        println!("skipped: no browser is installed");
        return;
    };
    let (page, folder) = report("browser");
    let drawn = page.matches("<svg xmlns").count();
    for width in [390, 1280] {
        let (seen, complaints) = browse(browser, &page, width, &folder);
        let parts: Vec<&str> = seen.split('|').collect();
        assert_eq!(parts[..2], ["true", ""], "wider than {width} pixels: {seen}");
        assert!(parts[2].parse::<usize>().is_ok_and(|n| n >= drawn) && drawn > 10, "{seen}");
        assert_eq!(parts[3], "a&amp;b.eg");
        assert_eq!(complaints, "");
    }
    fs::remove_dir_all(folder).expect("it is there");
}
