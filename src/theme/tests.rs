use ratatui::style::Color;
use unicode_width::UnicodeWidthStr;

use super::depth::rgb_of;
use super::*;

fn rgb(color: Option<Color>) -> Option<(u8, u8, u8)> {
    match color? {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(index) => Some(rgb_of(index)),
        _ => None,
    }
}

fn linear(channel: u8) -> f64 {
    let c = f64::from(channel) / 255.0;
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

/// WCAG 2.2 relative luminance and contrast ratio.
fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let luminance = |(r, g, b)| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn built_in_themes_load_without_a_warning_and_name_every_role() {
    for (name, text) in BUILT_IN {
        let (_, warnings) = load(text);
        assert_eq!(warnings, [], "{name}");
        if !text.contains("inherits") {
            for role in Role::ALL {
                let line = format!("{} ", role.name());
                assert!(text.lines().any(|at| at.starts_with(&line)), "{name} says nothing about {}", role.name());
            }
        }
    }
}

#[test]
fn text_can_be_read_on_its_background() {
    // Lines and bars are no text; a thing that does not work may be faint.
    let faint = [Role::Border, Role::BorderFocus, Role::Bar, Role::Scrollbar, Role::Disabled];
    for (name, least) in [("dark", 4.5), ("light", 4.5), ("deuteranopia", 4.5), ("high-contrast", 7.0)] {
        let theme = Theme::named(name).unwrap();
        let ground = theme.style(Role::Ground);
        for &role in Role::ALL.iter().filter(|role| !faint.contains(role)) {
            let style = theme.style(role);
            let front = rgb(style.fg.or(ground.fg)).unwrap();
            let back = rgb(style.bg.or(ground.bg)).unwrap();
            let ratio = contrast(front, back);
            assert!(ratio >= least, "{name}: {} has only {ratio:.1} to 1", role.name());
        }
        // A selection that keeps the row's own colours must keep them readable.
        let selection = theme.style(Role::Selection);
        if selection.fg.is_none() {
            for role in [Role::Text, Role::Dim, Role::Healthy, Role::Warning, Role::Critical, Role::Waiting] {
                let ratio = contrast(rgb(theme.style(role).fg).unwrap(), rgb(selection.bg).unwrap());
                assert!(ratio >= 3.4, "{name}: {} on the selection has only {ratio:.1} to 1", role.name());
            }
        }
    }
}

#[test]
fn health_can_be_told_apart_without_red_and_green() {
    // Deuteranopia by Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
    let seen = |(r, g, b): (u8, u8, u8)| {
        let (r, g, b) = (linear(r), linear(g), linear(b));
        [
            0.367_322 * r + 0.860_646 * g - 0.227_968 * b,
            0.280_085 * r + 0.672_501 * g + 0.047_413 * b,
            -0.011_820 * r + 0.042_940 * g + 0.968_881 * b,
        ]
    };
    let theme = Theme::named("deuteranopia").unwrap();
    let colors = [Role::Healthy, Role::Warning, Role::Critical].map(|role| seen(rgb(theme.style(role).fg).unwrap()));
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        let distance: f64 = colors[a].iter().zip(colors[b]).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
        assert!(distance > 0.35, "{a} and {b} are only {distance:.2} apart");
    }
}

#[test]
fn mono_and_no_colour_have_no_colour() {
    for name in ["dark", "terminal", "mono"] {
        let theme = Theme::named(name).unwrap().at(Depth::None);
        for &role in Role::ALL {
            assert_eq!((theme.style(role).fg, theme.style(role).bg), (None, None));
        }
    }
}

#[test]
fn a_selection_is_visible_at_every_depth() {
    for (name, _) in BUILT_IN {
        for depth in [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True] {
            let theme = Theme::named(name).unwrap().at(depth);
            let selection = theme.style(Role::Selection);
            let stands_out = selection.bg.is_some() && selection.bg != theme.style(Role::Ground).bg;
            assert!(stands_out || selection.add_modifier.contains(Modifier::REVERSED), "{name} at {depth:?}");
        }
    }
}

#[test]
fn sixteen_colours_are_enough_to_tell_health() {
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| *name != "mono") {
        let theme = Theme::named(name).unwrap().at(Depth::Ansi16);
        let health = [Role::Healthy, Role::Warning, Role::Critical].map(|role| theme.ink(role).fg);
        for (at, color) in health.iter().enumerate() {
            let grey = [Color::Black, Color::DarkGray, Color::Gray, Color::White];
            assert!(color.is_some_and(|color| !grey.contains(&color)), "{name}: {health:?}");
            assert!(!health[..at].contains(color), "{name}: {health:?}");
        }
    }
}

#[test]
fn a_bad_line_warns_and_the_rest_loads() {
    let text = "inherits = \"dark\"\n[palette]\nmoss = \"#12\"\n[roles]\nhealthy = \"moss\"\ncritical = { fg = \"blue\", modifiers = [\"loud\"] }\nhealthi = \"red\"\nwarning = \"magenta\"\n[rolls]\n";
    let (theme, warnings) = load(text);
    let lines: Vec<usize> = warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [3, 5, 6, 7, 9], "{warnings:?}");
    let dark = Theme::named("dark").unwrap();
    assert_eq!(theme.style(Role::Healthy), dark.style(Role::Healthy), "the inherited style stays");
    assert_eq!(theme.style(Role::Critical).fg, Some(Color::Blue));
    assert_eq!(theme.style(Role::Warning), Style::new().fg(Color::Magenta));
}

#[test]
fn text_that_is_no_toml_still_gives_a_theme() {
    let (theme, warnings) = load("[roles]\nhealthy = \nwarning = \"blue\"\n");
    assert_eq!(warnings.first().map(|warning| warning.line), Some(2));
    assert_eq!(theme.style(Role::Warning).fg, Some(Color::Blue));
    let (_, warnings) = load("inherits = \"sepia\"");
    assert!(warnings[0].what.contains("sepia"));
}

#[test]
fn every_glyph_is_one_column_wide_and_ascii_is_ascii() {
    assert!(Glyphs::ASCII.all().iter().all(|glyph| glyph.len() == 1));
    for glyph in Glyphs::UNICODE.all() {
        assert_eq!(glyph.width(), 1, "{glyph}");
    }
}
