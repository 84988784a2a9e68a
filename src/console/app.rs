//! Keys in, effects out: the pure half of the console.
