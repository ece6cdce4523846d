//! The rules of the tree that neither Cargo nor clippy keeps (ARCHITECTURE.md, "Who may import whom"): scans the sources,
//! needs no Postgres. Each detector is tried on small texts below, so that none passes by finding nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rust files above this many lines are printed, above the second the test fails.
const LONG: usize = 400;
const TOO_LONG: usize = 700;

/// Words that begin a statement of SQL. In upper case, as everywhere in this tree.
const STATEMENTS: [&str; 16] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "CREATE", "ALTER", "DROP", "GRANT", "REVOKE",
    "TRUNCATE", "LOCK", "COPY", "SET",
];

/// A source file without what a compiler does not see, line by line in place.
struct Source {
    /// Comments blanked.
    text: String,
    /// Comments and the contents of string literals blanked.
    code: String,
    /// String literals: offset of the opening quote or prefix, and contents.
    literals: Vec<(usize, String)>,
}

impl Source {
    fn read(rust: &str) -> Self {
        let bytes = rust.as_bytes();
        let (mut text, mut code) = (bytes.to_vec(), bytes.to_vec());
        let mut literals = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let rest = &rust[at..];
            if rest.starts_with("//") {
                let end = at + rest.find('\n').unwrap_or(rest.len());
                blank(&mut text[at..end]);
                blank(&mut code[at..end]);
                at = end;
            } else if rest.starts_with("/*") {
                let end = at + block_comment(rest);
                blank(&mut text[at..end]);
                blank(&mut code[at..end]);
                at = end;
            } else if let Some((prefix, hashes)) = string_start(bytes, at) {
                let start = at + prefix;
                let end = string_end(rust, start, hashes);
                let contents = end.saturating_sub(1 + hashes.unwrap_or(0)).max(start);
                literals.push((at, rust[start..contents].to_owned()));
                blank(&mut code[start..contents]);
                at = end;
            } else if let Some(length) = character(rest) {
                blank(&mut code[at..at + length]);
                at += length;
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        let utf8 = |bytes| String::from_utf8(bytes).expect("blanked whole characters");
        Self { text: utf8(text), code: utf8(code), literals }
    }

    /// Lines on which `word` stands in the code, not as a part of a longer name.
    fn lines_with(&self, word: &str) -> Vec<usize> {
        places(&self.code, word).map(|at| line(&self.code, at)).collect()
    }

    /// Lines that ask for a version of Postgres.
    fn version_cfgs(&self) -> Vec<usize> {
        let is_version = |at: &usize| {
            let rest =
                self.text[at + "feature".len()..].trim_start().strip_prefix('=').unwrap_or_default().trim_start();
            rest.strip_prefix("\"pg").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        };
        places(&self.text, "feature").filter(is_version).map(|at| line(&self.text, at)).collect()
    }

    /// Lines on which a string literal begins a statement. An example with an ellipsis, as HINTs have, is none.
    fn statements(&self) -> Vec<usize> {
        let begins = |text: &str| {
            let word = text.trim_start().split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
            STATEMENTS.contains(&word) && text.trim().len() > word.len() && !text.contains("...")
        };
        self.literals.iter().filter(|(_, text)| begins(text)).map(|(at, _)| line(&self.text, *at)).collect()
    }

    /// Lines of `#[allow]` and `#[expect]` without a reason.
    fn allows_without_reason(&self) -> Vec<usize> {
        ["allow", "expect"]
            .iter()
            .flat_map(|word| places(&self.code, word))
            .filter(|at| {
                let before = self.code[..*at].trim_end();
                before.ends_with("#[") || before.ends_with("#![")
            })
            .filter(|at| places(attribute(&self.code[*at..]), "reason").next().is_none())
            .map(|at| line(&self.code, at))
            .collect()
    }

    /// The first segments of all `use` paths; two where the first is `crate`.
    fn imports(&self) -> BTreeSet<String> {
        let path = |at: usize| {
            let path: String = self.code[at + 3..].trim_start().chars().take_while(|c| !";{ ".contains(*c)).collect();
            let mut segments = path.trim_start_matches("::").split("::");
            match (segments.next().unwrap_or_default(), segments.next()) {
                ("crate", Some(second)) => format!("crate::{second}"),
                (first, _) => first.to_owned(),
            }
        };
        places(&self.code, "use").map(path).collect()
    }

    /// Names of the SQL functions that are defined here.
    fn sql_functions(&self) -> Vec<String> {
        let attributes = places(&self.code, "pg_extern").chain(places(&self.code, "pg_trigger"));
        let defined = attributes.filter(|at| self.code[..*at].ends_with("#["));
        defined
            .map(|at| {
                let length = attribute(&self.code[at..]).len();
                let named = places(&self.code[at..at + length], "name").next().and_then(|name| {
                    self.literals.iter().find(|(literal, _)| *literal > at + name).map(|(_, text)| text.clone())
                });
                named.unwrap_or_else(|| {
                    let after = &self.code[at + length..];
                    let name = places(after, "fn").next().map_or("", |f| after[f + 2..].trim_start());
                    name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
                })
            })
            .collect()
    }

    /// The literals right behind one of these, such as the first argument of a call.
    fn literals_after(&self, openings: &[&str]) -> Vec<&str> {
        let follows = |at: usize| {
            let before = self.code[..at].trim_end();
            openings
                .iter()
                .any(|opening| places(before, opening.trim_end_matches('(')).any(|name| before[name..] == **opening))
        };
        self.literals.iter().filter(|(at, _)| follows(*at)).map(|(_, text)| text.as_str()).collect()
    }
}

/// An attribute from its name to its closing bracket.
fn attribute(code: &str) -> &str {
    let mut depth = 1;
    let end = code.char_indices().find(|(_, c)| {
        depth += i32::from("[(".contains(*c)) - i32::from("])".contains(*c));
        depth == 0
    });
    &code[..end.map_or(code.len(), |(at, _)| at)]
}

fn places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !part(code[..*at].chars().next_back()) && !part(code[at + word.len()..].chars().next()))
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Length of a literal's opening with its quote, and the number of hashes of a raw one.
fn string_start(bytes: &[u8], at: usize) -> Option<(usize, Option<usize>)> {
    let inside_name = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let mut next = at;
    if !inside_name && matches!(bytes.get(next), Some(b'b' | b'c')) {
        next += 1;
    }
    if !inside_name && bytes.get(next) == Some(&b'r') {
        let hashes = bytes[next + 1..].iter().take_while(|b| **b == b'#').count();
        if bytes.get(next + 1 + hashes) == Some(&b'"') {
            return Some((next + 2 + hashes - at, Some(hashes)));
        }
    }
    (bytes.get(next) == Some(&b'"')).then_some((next + 1 - at, None))
}

fn string_end(rust: &str, start: usize, hashes: Option<usize>) -> usize {
    if let Some(hashes) = hashes {
        let close = format!("\"{}", "#".repeat(hashes));
        return rust[start..].find(&close).map_or(rust.len(), |end| start + end + close.len());
    }
    let mut escaped = false;
    let end = rust[start..].bytes().position(|b| {
        let closes = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    });
    end.map_or(rust.len(), |end| start + end + 1)
}

/// Length of a character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut characters = inside.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        let (after, _) = characters.nth(1)?;
        return inside[after..].find('\'').map(|end| 1 + after + end + 1);
    }
    let (after, second) = characters.next()?;
    (second == '\'').then_some(1 + after + 1)
}

/// The names that a manifest lists as dependencies, of whatever kind.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            if let Some((_, name)) = section.split_once("dependencies.") {
                names.insert(name.to_owned());
            }
        } else if let Some((name, _)) = line.split_once(['=', '.']).filter(|_| inside && !line.starts_with('#')) {
            names.insert(name.trim().trim_matches('"').to_owned());
        }
    }
    names
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is two folders up")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The Rust files below these folders of the tree, by path from its root, and at least one in each.
fn tree(folders: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    for folder in folders {
        let before = found.len();
        rust_files(&root.join(folder), &mut found);
        assert!(found.len() > before, "no Rust files in {folder}: has it moved?");
    }
    found.sort();
    let name = |path: &PathBuf| path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
    found.iter().map(|path| (name(path), fs::read_to_string(path).expect("readable"))).collect()
}

/// What ships: the extension and the crates it is made of, without their test programs.
fn product() -> Vec<(String, Source)> {
    let ships = |path: &str| path.starts_with("src/") || path.split('/').nth(2) == Some("src");
    let files = tree(&["src", "crates"]).into_iter().filter(|(path, _)| ships(path));
    files.map(|(path, text)| (path, Source::read(&text))).collect()
}

fn all() -> Vec<(String, String)> {
    tree(&["src", "crates", "tests", "bench", "pgrx-tests"])
}

/// Fails with the places of all files that `detect` finds something in.
fn refuse(rule: &str, files: &[(String, Source)], detect: impl Fn(&str, &Source) -> Vec<usize>) {
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, source)| detect(path, source).into_iter().map(move |line| format!("{path}:{line}")))
        .collect();
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn unsafe_and_pg_sys_are_at_home_in_src_pg() {
    refuse("`unsafe` and `pg_sys` belong into src/pg", &product(), |path, source| {
        let mut lines = Vec::new();
        if !path.starts_with("src/pg/") {
            lines.extend(source.lines_with("unsafe"));
            lines.extend(source.lines_with("pg_sys"));
        }
        lines
    });
}

#[test]
fn versions_of_postgres_differ_in_one_file() {
    refuse("cfg(feature = \"pgNN\") belongs into src/pg/compat.rs", &product(), |path, source| {
        if path == "src/pg/compat.rs" { Vec::new() } else { source.version_cfgs() }
    });
}

#[test]
fn sql_text_is_in_src_pg_spi_and_sql() {
    refuse("SQL text belongs into src/pg/spi or sql/", &product(), |path, source| {
        if path.starts_with("src/pg/spi/") { Vec::new() } else { source.statements() }
    });
}

#[test]
fn every_layer_imports_what_lies_below_it() {
    for (path, source) in product() {
        let imports = source.imports();
        if path.starts_with("src/api/") {
            // serde_json is the type of jsonb arguments.
            let allowed = ["crate::pg", "pg_categorize_core", "pgrx", "serde_json", "std", "super"];
            let other: Vec<_> = imports.iter().filter(|import| !allowed.contains(&import.as_str())).collect();
            assert!(other.is_empty(), "{path} imports {other:?}; src/api stands on src/pg and core");
        } else if path.starts_with("src/pg/") {
            assert!(!imports.contains("crate::api"), "{path} imports src/api, which stands above it");
            let gateway = imports.contains("pg_categorize_gateway") && !path.starts_with("src/pg/worker");
            assert!(!gateway, "{path} imports the gateway; only src/pg/worker does");
        }
    }
}

#[test]
fn core_and_gateway_do_without_what_is_not_theirs() {
    for (folder, foreign) in [
        (
            "crates/core",
            &["pgrx", "pgrx-tests", "tokio", "reqwest", "hyper", "pg_categorize", "pg_categorize_gateway"][..],
        ),
        ("crates/gateway", &["pgrx", "pgrx-tests", "pg_categorize"][..]),
    ] {
        let Ok(manifest) = fs::read_to_string(root().join(folder).join("Cargo.toml")) else {
            assert_ne!(folder, "crates/core", "crates/core has moved");
            continue;
        };
        let found: Vec<String> =
            dependencies(&manifest).into_iter().filter(|d| foreign.contains(&d.as_str())).collect();
        assert!(found.is_empty(), "{folder} depends on {found:?}");
    }
}

#[test]
fn every_allow_says_why() {
    let files: Vec<_> = all().into_iter().map(|(path, text)| (path, Source::read(&text))).collect();
    refuse("#[allow] and #[expect] need `reason = \"...\"`", &files, |_, source| source.allows_without_reason());
}

#[test]
fn every_setting_is_documented() {
    let guc: Vec<Source> =
        product().into_iter().filter(|(path, _)| path.contains("src/pg/guc/")).map(|(_, s)| s).collect();
    let key = fs::read_to_string(root().join("crates/core/src/settings/key.rs"));
    let key = Source::read(&key.expect("keys of a taxonomy are in settings/key.rs"));
    let of_session = guc.iter().flat_map(|source| &source.literals).map(|(_, text)| text.as_str());
    let of_session: BTreeSet<&str> =
        of_session.filter(|text| text.starts_with("categorize.") && text.len() > 11).collect();
    let of_taxonomy: BTreeSet<&str> = key.literals_after(&["key(", "by_profile("]).into_iter().collect();
    assert!(of_session.len() >= 20 && of_taxonomy.len() >= 20, "found {of_session:?} and {of_taxonomy:?}");
    let docs = fs::read_to_string(root().join("docs/settings.md")).unwrap_or_default();
    let missing: Vec<_> = of_session.union(&of_taxonomy).filter(|name| places(&docs, name).next().is_none()).collect();
    assert!(missing.is_empty(), "docs/settings.md does not name {missing:?}");
}

#[test]
fn every_sql_function_is_in_the_readme() {
    let files = product();
    let functions: BTreeSet<String> = files.iter().flat_map(|(_, source)| source.sql_functions()).collect();
    assert!(functions.len() >= 25 && functions.contains("categorize_detail"), "found only {functions:?}");
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    // Called by triggers on our own tables only.
    let missing: Vec<_> =
        functions.iter().filter(|name| *name != "invalidate" && places(&readme, name).next().is_none()).collect();
    assert!(missing.is_empty(), "README.md does not name {missing:?}");
}

#[test]
fn files_stay_short() {
    let mut sizes: Vec<(usize, String)> =
        all().iter().map(|(path, text)| (text.lines().count(), path.clone())).collect();
    sizes.sort_unstable();
    sizes.reverse();
    for (lines, path) in sizes.iter().filter(|(lines, _)| *lines > LONG) {
        println!("{lines} lines: {path}");
    }
    let (lines, path) = sizes.first().expect("there are files");
    assert!(*lines <= TOO_LONG, "{path} has {lines} lines; split it below {TOO_LONG}");
}

// The detectors on small texts.

#[test]
fn reads_rust_as_a_compiler_does() {
    let source = Source::read(
        "let a = \"unsafe \\\" { // }\"; // unsafe\n/* unsafe /* deep */ */ let b = r#\"unsafe \" x\"#;\nfn f<'a>(c: &'a str) { '\"'; '\\''; 'u'; unsafe {} }",
    );
    assert_eq!(source.lines_with("unsafe"), [3]);
    assert_eq!(
        source.literals.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
        ["unsafe \\\" { // }", "unsafe \" x"]
    );
    assert_eq!(source.text.lines().count(), 3);
    assert_eq!(Source::read("let c = c\"x\"; let d = br##\"y\"#z\"##; \u{e9}\"w\"").literals.len(), 3);
    assert_eq!(Source::read("let unterminated = \"x").literals.len(), 1);
}

#[test]
fn finds_words_and_not_parts_of_them() {
    let source = Source::read("#![allow(unsafe_code)]\nuse pgrx::pg_sys;\nfn unsafely() {}\nunsafe impl X for Y {}");
    assert_eq!((source.lines_with("unsafe"), source.lines_with("pg_sys")), (vec![4], vec![2]));
}

#[test]
fn finds_versions_statements_and_allows() {
    let source = Source::read(
        "#[cfg(feature = \"pg15\")]\n#[cfg(any(feature=\"pg18\", test))]\n#[cfg(feature = \"pg_test\")]\n// feature = \"pg16\"\nfn f() {}",
    );
    assert_eq!(source.version_cfgs(), [1, 2]);
    let source = Source::read(
        "a(\"SELECT 1\");\na(\"\n  INSERT INTO t\");\na(\"Select a thing\");\na(\"SELECT\");\na(\"CREATE TRIGGER ... ON t\");\na(\"UPDATED x\");\na(r\"WITH x AS (SELECT 1)\");\na(c\"SET x = 1\");",
    );
    assert_eq!(source.statements(), [1, 2, 8, 9]);
    let source = Source::read(
        "#[allow(dead_code)]\n#[allow(\n  clippy::x,\n  reason = \"a [ b\"\n)]\n#![expect(y)]\n#[allow(z, reason = \"w\")]\n// #[allow(v)]\nlet s = \"#[allow(u)]\"; allow(1);",
    );
    assert_eq!(source.allows_without_reason(), [1, 6]);
}

#[test]
fn finds_imports_functions_and_literals() {
    let source = Source::read(
        "use crate::pg::{a, b};\nuse pgrx::prelude::*;\nuse std::fmt;\nuse super::x;\npub use self::y;\nlet reuse = 1;\n// use tokio;",
    );
    let imports: Vec<String> = source.imports().into_iter().collect();
    assert_eq!(imports, ["crate::pg", "pgrx", "self", "std", "super"]);
    let source = Source::read(
        "#[pg_extern(stable)]\nfn one() {}\n#[pg_extern(name = \"two\", cost = 1)]\nfn three() {}\n#[pg_trigger]\nfn four<'a>() {}\n/// #[pg_extern]\nfn five() {}\n#[pg_extern(\n  schema = \"s\",\n)]\n#[allow(x, reason = \"y\")]\npub fn six() {}",
    );
    assert_eq!(source.sql_functions(), ["one", "two", "six", "four"]);
    let source = Source::read("key(\"a\", X), by_profile(\n \"b\", \"c\"), monkey(\"d\")");
    assert_eq!(source.literals_after(&["key(", "by_profile("]), ["a", "b"]);
}

#[test]
fn reads_the_dependencies_of_a_manifest() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nserde = { version = \"1\" }\n# tokio = \"1\"\npgrx.workspace = true\n[dev-dependencies]\nproptest = \"1\"\n[target.'cfg(unix)'.dependencies]\nlibc = \"0\"\n[dependencies.reqwest]\nversion = \"1\"\n[lints]\nworkspace = true";
    let found: Vec<String> = dependencies(manifest).into_iter().collect();
    assert_eq!(found, ["libc", "pgrx", "proptest", "reqwest", "serde"]);
}
