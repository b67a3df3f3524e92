//! The `costhost` program.

fn main() -> std::process::ExitCode {
    costhost::cli::main()
}
