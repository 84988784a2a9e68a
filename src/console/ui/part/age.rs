//! Ages that change colour before somebody has to read them.

use crate::domain::text;
use crate::domain::time::Millis;
use crate::theme::Role;

/// The text of an age and how it looks: ordinary below `warning`, then by threshold. No age is a dim `-`.
pub fn age_cell(age: Option<Millis>, warning: Millis, critical: Millis) -> (Role, String) {
    let Some(age) = age else {
        return (Role::Dim, "-".to_owned());
    };
    let role = match age {
        _ if age >= critical => Role::Critical,
        _ if age >= warning => Role::Warning,
        _ => Role::Text,
    };
    (role, text::age(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_decide_the_role() {
        let cell = |age| age_cell(age, 30_000, 60_000);
        assert_eq!(cell(None), (Role::Dim, "-".to_owned()));
        assert_eq!(cell(Some(29_999)), (Role::Text, "29s".to_owned()));
        assert_eq!(cell(Some(30_000)).0, Role::Warning);
        assert_eq!(cell(Some(60_000)), (Role::Critical, "1m".to_owned()));
    }
}
