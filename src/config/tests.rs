use super::*;

fn load(flags: Flags, env: &[(&str, &str)], text: &str) -> Result<Settings, Vec<Mistake>> {
    let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    resolve(flags, &env, Path::new("config.toml"), text, PathBuf::from("/cfg"), Path::new("/data/seamwatch.db"))
}

#[test]
fn the_strongest_word_wins_and_is_named() {
    let text = "address = \"http://file\"\ntheme = \"dark\"\noperator = \"file\"\n";
    let env = [("SEAM_ADDRESS", "http://env"), ("SEAM_THEME", "light")];
    let flags = Flags { address: Some("http://flag".into()), ..Flags::default() };
    let it = load(flags, &env, text).unwrap();
    let told = |setting: &Setting<String>| format!("{} from {}", setting.value, setting.origin);
    assert_eq!(told(&it.address), "http://flag from --address");
    assert_eq!(told(&it.theme), "light from SEAM_THEME");
    assert_eq!(told(&it.operator), "file from config.toml line 3");
    assert_eq!(it.readonly.origin, Origin::Default);
}

#[test]
fn without_a_word_the_defaults_hold() {
    let it = load(Flags::default(), &[("USER", "dana")], "").unwrap();
    assert_eq!(it.address.value, "sqlite:/data/seamwatch.db");
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
