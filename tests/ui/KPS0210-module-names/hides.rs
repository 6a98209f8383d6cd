pub fn f() {}

pub struct seq_file {
    pub count: usize,
}
