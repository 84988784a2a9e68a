use super::*;
use crate::domain::environment::Color;

fn load(flags: Flags, env: &[(&str, &str)], text: &str) -> Result<Settings, Vec<Mistake>> {
    let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    resolve(flags, &env, Path::new("config.toml"), text, PathBuf::from("/cfg"), Path::new("/data/seamwatch.db"))
}

#[test]
fn the_strongest_word_wins_and_is_named() {
    let text = "address = \"http://file\"\ntheme = \"dark\"\noperator = \"file\"\n";
    let env = [("SEAM_ADDRESS", "http://env"), ("SEAM_THEME", "light")];
    let flags = Flags { addresses: vec!["http://flag".into()], ..Flags::default() };
    let it = load(flags, &env, text).unwrap();
    let told = |setting: &Setting<String>| format!("{} from {}", setting.value, setting.origin);
    assert_eq!(
        (it.addresses.value[0].as_str(), it.addresses.origin.to_string().as_str()),
        ("http://flag", "--connect")
    );
    assert_eq!(told(&it.theme), "light from SEAM_THEME");
    assert_eq!(told(&it.operator), "file from config.toml line 3");
    assert_eq!(it.readonly.origin, Origin::Default);
}

#[test]
fn without_a_word_the_defaults_hold() {
    let it = load(Flags::default(), &[("USER", "dana")], "").unwrap();
    assert_eq!(it.addresses.value, ["sqlite:/data/seamwatch.db"]);
    assert_eq!(it.operator.value, "dana");
    assert_eq!(it.keys.value, Path::new("/cfg/keys.toml"));
    assert_eq!(it.token().unwrap(), None);
}

#[test]
fn all_mistakes_come_at_once_with_their_lines() {
    let text = "adress = \"x\"\nascii = \"yes\"\n\ntoken = \"hft_1\"\ntheme = 3\n";
    let mistakes = load(Flags::default(), &[], text).unwrap_err();
    let told: Vec<(usize, &str)> = mistakes.iter().map(|it| (it.line, it.what.as_str())).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    for ((line, what), (expected, part)) in
        told.iter().zip([(1, "adress"), (2, "true or false"), (4, "SEAM_TOKEN"), (5, "theme")])
    {
        assert_eq!(*line, expected);
        assert!(what.contains(part), "{what}");
    }
}

#[test]
fn a_wrong_variable_is_told_by_name() {
    let mistakes = load(Flags::default(), &[("SEAM_READONLY", "perhaps")], "").unwrap_err();
    assert!(mistakes[0].to_string().contains("SEAM_READONLY"), "{mistakes:?}");
}

#[test]
fn a_token_is_read_from_a_private_file_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "hft_secret\n").unwrap();
    let text = format!("token_file = {:?}\n", path.display().to_string());
    let it = load(Flags::default(), &[], &text).unwrap();
    let mode = |bits| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).unwrap();
    mode(0o644);
    assert!(it.token().unwrap_err().to_string().contains("chmod 600"));
    mode(0o600);
    assert_eq!(it.token().unwrap().as_deref(), Some("hft_secret"));
    assert!(!format!("{it:?}").contains("secret"));
}

const CONTEXTS: &str = r#"address = "http://file"
environment = "home"
token_command = "echo of-all"

[contexts.prod]
addresses = ["https://eu.example", "https://us.example"]
environment = "PROD"
color = "waiting"
read_only = true
token_file = "~/prod.token"
filter = "to:crm"

[contexts.dev]
address = "sqlite:dev.db"
"#;

fn named(name: &str) -> Flags {
    Flags { context: Some(name.to_owned()), ..Flags::default() }
}

#[test]
fn a_context_is_a_connection_and_its_values_know_their_lines() {
    let env = [("HOME", "/h"), ("SEAM_TOKEN", "hft_env"), ("SEAM_ENVIRONMENT", "elsewhere")];
    let it = load(named("prod"), &env, CONTEXTS).unwrap();
    assert_eq!(it.addresses.value, ["https://eu.example", "https://us.example"]);
    assert_eq!(it.addresses.origin.to_string(), "config.toml line 6");
    assert_eq!((it.environment().word(), it.environment().color()), ("PROD", Color::Waiting));
    assert_eq!(it.lock().as_deref(), Some("the context prod is read-only"));
    let context = it.context.as_ref().unwrap();
    assert_eq!(
        (context.origin.to_string(), context.value.origin.to_string()),
        ("--context".into(), "config.toml line 5".into())
    );
    let filter = context.value.filter.as_ref().unwrap();
    assert_eq!((filter.value.as_str(), filter.origin.to_string().as_str()), ("to:crm", "config.toml line 11"));
    let (kind, origin) = it.token_of(&context.value).unwrap();
    assert_eq!((kind, origin.to_string().as_str()), ("token_file", "config.toml line 10"));
    let why = it.token().unwrap_err().to_string();
    assert!(why.contains("/h/prod.token"), "the token of the context beats SEAM_TOKEN: {why}");
    // Where a context says nothing, the rest of the settings holds.
    let dev = load(named("dev"), &env, CONTEXTS).unwrap();
    assert_eq!((dev.environment().word(), dev.lock()), ("elsewhere", None));
    assert_eq!(dev.token().unwrap().as_deref(), Some("hft_env"));
    let dev = load(named("dev"), &[], CONTEXTS).unwrap();
    assert_eq!((dev.environment().word(), dev.token().unwrap().as_deref()), ("home", Some("of-all")));
}

/// Who says which address and which context, and what is in force then.
#[test]
fn an_address_that_is_said_louder_than_the_context_leaves_it_out() {
    let default = format!("context = \"dev\"\n{CONTEXTS}");
    let addressed = |context: Option<&str>| Flags {
        addresses: vec!["http://flag".to_owned()],
        context: context.map(str::to_owned),
        ..Flags::default()
    };
    let variables = |set: &[&'static str]| -> Vec<(&'static str, &'static str)> {
        set.iter().map(|name| (*name, if *name == "SEAM_CONTEXT" { "prod" } else { "http://env" })).collect()
    };
    const EU: &str = "https://eu.example";
    for (flags, env, text, context, address) in [
        (Flags::default(), &[][..], CONTEXTS, None, "http://file"),
        (Flags::default(), &[], &default, Some("dev"), "sqlite:dev.db"),
        (Flags::default(), &["SEAM_CONTEXT"], &default, Some("prod"), EU),
        (named("dev"), &["SEAM_CONTEXT", "SEAM_ADDRESS"], &default, Some("dev"), "sqlite:dev.db"),
        (Flags::default(), &["SEAM_ADDRESS"], &default, None, "http://env"),
        (Flags::default(), &["SEAM_ADDRESS", "SEAM_CONTEXT"], &default, Some("prod"), "http://env"),
        (addressed(None), &["SEAM_CONTEXT"], &default, None, "http://flag"),
        (addressed(Some("prod")), &[], &default, Some("prod"), "http://flag"),
    ] {
        let it = load(flags, &variables(env), text).unwrap();
        let found = it.context.as_ref().map(|it| it.value.name.as_str());
        assert_eq!((found, it.addresses.value[0].as_str()), (context, address), "{env:?}");
        assert_eq!(it.lock().is_some(), context == Some("prod"), "the lock goes with the context");
    }
}

#[test]
fn a_lock_is_opened_by_nothing() {
    let text = format!("readonly = false\n{CONTEXTS}");
    let flags = Flags { readonly: Some(false), ..named("prod") };
    assert!(load(flags, &[("SEAM_READONLY", "false")], &text).unwrap().lock().is_some());
    let env = load(named("dev"), &[("SEAM_READONLY", "1")], &text).unwrap();
    assert_eq!(env.lock().as_deref(), Some("read-only is set by SEAM_READONLY"));
}

#[test]
fn mistakes_in_contexts_come_at_once_with_their_lines_and_a_guess() {
    let text = r#"context = "prdo"
[contexts.prod]
adress = "https://x"
[contexts.both]
address = "https://x"
addresses = ["https://y"]
[contexts.list]
addresses = []
[contexts.odd]
address = "https://dana:hunter2@x"
color = "red"
read_only = "yes"
[contexts."a b"]
address = "https://x"
[contexts]
flat = "https://x"
"#;
    let mistakes = load(Flags::default(), &[], text).unwrap_err();
    let told: Vec<(usize, &str)> = mistakes.iter().map(|it| (it.line, it.what.as_str())).collect();
    for (line, part) in [
        (2, "the context prod has no address"),
        (3, "did you mean address?"),
        (6, "not both"),
        (8, "addresses takes a list"),
        (10, "must not hold a user or password"),
        (11, "danger, warning, info, healthy or waiting"),
        (12, "read_only takes true or false"),
        (13, "\"a b\" is none"),
    ] {
        assert!(told.iter().any(|(at, what)| *at == line && what.contains(part)), "{line} {part}: {told:#?}");
    }
    assert!(!format!("{told:?}").contains("hunter2"));
}

#[test]
fn a_context_that_is_not_there_is_guessed_at_where_it_was_named() {
    let text = format!("context = \"prdo\"\n{CONTEXTS}");
    let told = |flags: Flags, env: &[(&str, &str)], text: &str| load(flags, env, text).unwrap_err()[0].to_string();
    assert_eq!(
        told(Flags::default(), &[], &text),
        "line 1: there is no context \"prdo\"; did you mean prod? there is prod, dev"
    );
    let flag = told(named("prodd"), &[], CONTEXTS);
    assert_eq!(flag, "there is no context \"prodd\" (--context); did you mean prod? there is prod, dev");
    assert!(
        told(Flags::default(), &[("SEAM_CONTEXT", "x")], "").contains("(SEAM_CONTEXT); the configuration has none")
    );
}
