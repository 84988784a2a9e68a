//! The one place where text from agents is made harmless.
