pub const A: usize = 1;
