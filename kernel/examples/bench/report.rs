//! Medians, percentiles and the line of JSON.

/// Value at a fraction of the sorted samples.
pub fn percentile(samples: &mut [f64], fraction: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let at = ((samples.len() - 1) as f64 * fraction).round() as usize;
    samples[at]
}

pub fn median(samples: &mut [f64]) -> f64 {
    percentile(samples, 0.5)
}

/// One figure. `p50` and `p99` are in the unit the note names.
pub fn line(name: &str, value: f64, unit: &str, p50: f64, p99: f64, samples: usize, note: &str) {
    println!(
        "{{\"name\": \"{name}\", \"value\": {value:.0}, \"unit\": \"{unit}\", \"p50\": {p50:.1}, \"p99\": {p99:.1}, \
         \"samples\": {samples}, \"note\": \"{note}\"}}"
    );
}
