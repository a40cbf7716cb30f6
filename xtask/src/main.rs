//! Set-up, bundling, headless rendering, demo and tests of Soloist.
fn main() {}
