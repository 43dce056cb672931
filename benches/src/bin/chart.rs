//! Latency against throughput as an SVG: what `hammer --json` printed at rising numbers of connections, a line a server.

use anyhow::{Context, bail};
use clap::Parser;
use plotters::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Width and height of the picture.
const SIZE: (u32, u32) = (900, 540);

/// Draws the p50 (thin) and p99 (thick) latency of each server over its rate.
#[derive(Parser)]
struct Options {
    /// A server's name, and the file with the lines that `hammer --json` printed of it, as NAME=FILE.
    #[arg(required = true, value_parser = series)]
    series: Vec<(String, PathBuf)>,
    /// What stands above the picture.
    #[arg(long, default_value = "Latency against throughput")]
    title: String,
    /// The picture.
    #[arg(long)]
    output: PathBuf,
}

/// A run of hammer.
struct Point {
    connections: u64,
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

struct Line {
    name: String,
    points: Vec<Point>,
}

fn series(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("expected NAME=FILE")?;
    Ok((name.into(), file.into()))
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let read = |(name, file): &(String, PathBuf)| -> anyhow::Result<Line> {
        Ok(Line { name: name.clone(), points: points(file)? })
    };
    let lines = options.series.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    draw(&options, &lines)
}

/// The runs of a file, by rising number of connections.
fn points(file: &Path) -> anyhow::Result<Vec<Point>> {
    let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let mut points = text.lines().map(point).collect::<anyhow::Result<Vec<_>>>()?;
    points.sort_by_key(|point| point.connections);
    if points.is_empty() {
        bail!("{}: expected a line of hammer --json at the least, got none", file.display());
    }
    Ok(points)
}

fn point(line: &str) -> anyhow::Result<Point> {
    let run: Value = serde_json::from_str(line)?;
    let number =
        |name: &str| run[name].as_f64().with_context(|| format!("{name}: expected a number in {line}"));
    let connections = run["connections"].as_u64().context("connections: expected an integer")?;
    Ok(Point {
        connections,
        rate: number("requests_per_s")?,
        p50_ms: number("p50_ms")?,
        p99_ms: number("p99_ms")?,
    })
}

fn draw(options: &Options, lines: &[Line]) -> anyhow::Result<()> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let most = |of: fn(&Point) -> f64| all().map(of).fold(0.0, f64::max);
    let least_ms = all().map(|point| point.p50_ms).fold(f64::INFINITY, f64::min);
    let (rate_end, ms_end) = (most(|point| point.rate) * 1.08, most(|point| point.p99_ms) * 2.0);
    let root = SVGBackend::new(&options.output, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(&options.title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..rate_end, (least_ms / 2.0..ms_end).log_scale())?;
    chart.configure_mesh().x_desc("requests a second").y_desc("latency in ms: p50 thin, p99 thick").draw()?;
    for (number, line) in lines.iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        let p50 = line.points.iter().map(|point| (point.rate, point.p50_ms));
        chart.draw_series(LineSeries::new(p50, color.stroke_width(1)))?;
        let p99 = line.points.iter().map(|point| (point.rate, point.p99_ms));
        chart
            .draw_series(LineSeries::new(p99, color.stroke_width(3)))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(3)));
        let labels = line.points.iter().map(|point| {
            let number = Text::new(point.connections.to_string(), (4, -12), ("sans-serif", 12));
            EmptyElement::at((point.rate, point.p99_ms)) + Circle::new((0, 0), 3, color.filled()) + number
        });
        chart.draw_series(labels)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
