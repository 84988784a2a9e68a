//! The loop: terminal, effects, clock.
