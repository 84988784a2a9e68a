//! JSON pointers (RFC 6901): where in a contract something is. The empty pointer is the whole.

use std::borrow::Cow;

use jsonptr::Token;

/// The pointer of member or item `name` of what is at `path`.
pub fn child(path: &str, name: &str) -> String {
    format!("{path}/{}", Token::new(name).encoded())
}

/// The member that the last step of a pointer names. A step that is not escaped properly names itself.
pub fn name(step: &str) -> Cow<'_, str> {
    match Token::from_encoded(step) {
        Ok(token) => Cow::Owned(token.decoded().into_owned()),
        Err(_) => Cow::Borrowed(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_escaped_and_read_back() {
        for (name, step) in [("goal", "goal"), ("a/b", "a~1b"), ("m~n", "m~0n"), ("~1", "~01"), ("", "")] {
            assert_eq!(child("/brief", name), format!("/brief/{step}"));
            assert_eq!(super::name(step), name);
        }
        assert_eq!(super::name("a~b"), "a~b");
    }
}
