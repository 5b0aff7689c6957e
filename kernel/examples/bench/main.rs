//! Figures of the kernel, one JSON object a line: `cargo run --release --example bench -- [name prefix]`.
//!
//! Every workload is generated from a fixed seed by `flow.rs` before the clock starts; every run of it must
//! give the same hash over acks, events, fills and closed orders, else the figure is refused. Values are
//! medians of the runs; p50 and p99 are over the runs' batches (nanoseconds a command).

mod book;
mod crash;
mod flow;
mod group;
mod mark;
mod outcomes;
mod report;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let benches: [(&str, fn()); 16] = [
        ("kernel.book", book::matching_only),
        ("kernel.spot_mix", group::spot_mix),
        ("kernel.perp_mix", group::perp_mix),
        ("kernel.outcome_mix", outcomes::outcome_mix),
        ("kernel.latency", group::latency),
        ("mark.update", mark::update),
        ("kernel.liquidate", crash::liquidate),
        ("kernel.many", group::many),
        ("recovery.replay", group::replay),
        ("recovery.snapshot", group::snapshot),
        ("profile.book", book::profile),
        ("profile.spot_mix", group::profile),
        ("profile.general", group::profile_general),
        ("profile.perp_mix", group::profile_perp),
        ("profile.outcome_mix", outcomes::profile),
        ("profile.many", group::profile_many),
    ];
    for (name, bench) in benches {
        let here = |prefix: &String| name.starts_with(prefix.as_str());
        let asked = wanted.iter().any(here);
        if asked || (wanted.is_empty() && !name.starts_with("profile")) {
            bench();
        }
    }
}
