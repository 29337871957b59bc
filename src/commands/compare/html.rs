// SPDX-License-Identifier: MIT OR Apache-2.0
//! The comparison as a page, with a bar chart of cycles on a logarithmic scale.

use std::fmt::Write as _;

use super::report::{How, Report, Row};
use crate::report::thousands;

/// Sizes of the chart.
const WIDTH: f64 = 1060.0;
const LABELS: f64 = 410.0;
/// Room for the number behind a bar.
const NUMBERS: f64 = 110.0;
const BAR: f64 = 18.0;
const STEP: f64 = 26.0;
const TOP: f64 = 54.0;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1c2430}\
table{border-collapse:collapse;margin:1em 0;font-size:13px}td,th{padding:3px 8px;border-bottom:1px solid #d5dbe3;text-align:right}\
td:first-child,th:first-child,td.t,th.t{text-align:left}div.w{overflow-x:auto}li{margin:.2em 0}";

/// The page; it needs nothing else.
pub fn page(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}: comparison</title><style>{STYLE}</style></head>\n\
         <body><h1>{0}</h1>\n<p>{1} multiply-accumulates, accelerator of <code>{2}</code>. Bars are cycles of one frame on a \
         logarithmic scale.</p>\n",
        escape(&report.model),
        thousands(report.macs),
        escape(&report.config)
    );
    page += &chart(report);
    page += &whole(report);
    page += &notes(report);
    page += &layers(report);
    page + "</body></html>\n"
}

/// Colours, and what they say.
const LEGEND: [(&str, &str); 5] = [
    ("#c2410c", "the accelerator"),
    ("#2563a8", "soft core, measured RTL"),
    ("#4d7c3a", "this CPU, wall clock"),
    ("#7c7f86", "published"),
    ("#8a5aa8", "estimate"),
];

fn colour(row: &Row) -> &'static str {
    let of = match (row.how, row.ours && row.multipliers > Some(1)) {
        (_, true) => 0,
        (How::Model | How::Rtl, _) => 1,
        (How::WallClock, _) => 2,
        (How::Published, _) => 3,
        (How::Estimate, _) => 4,
    };
    LEGEND[of].0
}

fn chart(report: &Report) -> String {
    let bars: Vec<(&Row, f64)> = report
        .rows
        .iter()
        .filter_map(|row| Some((row, row.cycles.filter(|cycles| *cycles > 0)? as f64)))
        .collect();
    let decade = |cycles: f64| cycles.log10();
    let low = bars
        .iter()
        .map(|(_, cycles)| decade(*cycles))
        .fold(f64::MAX, f64::min)
        .floor();
    let high = bars
        .iter()
        .map(|(_, cycles)| decade(*cycles))
        .fold(0.0, f64::max)
        .ceil();
    let at = |cycles: f64| {
        LABELS + (decade(cycles) - low) / (high - low).max(1.0) * (WIDTH - LABELS - NUMBERS)
    };
    let height = TOP + bars.len() as f64 * STEP + 10.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"100%\" role=\"img\" aria-label=\"cycles of one frame\" \
         font-family=\"system-ui,sans-serif\" font-size=\"13\">\n"
    );
    for (number, (colour, text)) in LEGEND.iter().enumerate() {
        let x = 14.0 + number as f64 * 190.0;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"12\" r=\"6\" fill=\"{colour}\"/><text x=\"{}\" y=\"17\">{text}</text>",
            x + 12.0
        );
    }
    let mut power = low;
    while power <= high {
        let x = at(10f64.powf(power));
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{height}\" stroke=\"#d5dbe3\"/><text x=\"{x:.1}\" y=\"44\" \
             text-anchor=\"middle\" fill=\"#5a6472\">10<tspan dy=\"-5\" font-size=\"10\">{power:.0}</tspan></text>"
        );
        power += 1.0;
    }
    for (number, (row, cycles)) in bars.iter().enumerate() {
        let y = TOP + number as f64 * STEP + 6.0;
        let (end, text) = (at(*cycles), y + BAR - 5.0);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text><rect x=\"{LABELS}\" y=\"{y:.1}\" width=\"{:.1}\" \
             height=\"{BAR}\" fill=\"{}\"><title>{}, {}</title></rect><text x=\"{:.1}\" y=\"{text:.1}\">{}</text>",
            LABELS - 8.0,
            escape(&row.peer),
            (end - LABELS).max(1.0),
            colour(row),
            escape(&row.peer),
            row.how.text(),
            end + 6.0,
            thousands(*cycles as u64)
        );
    }
    svg + "</svg>\n"
}

fn whole(report: &Report) -> String {
    let titles = [
        "peer",
        "how",
        "cycles",
        "x ours",
        "ms",
        "MAC/cycle",
        "per multiplier",
        "output bytes",
    ];
    let rows = report.rows.iter().filter(|row| row.missing.is_none());
    format!(
        "<h2>Whole network</h2>\n{}",
        table(&titles, rows.map(Report::cells), 2)
    )
}

fn notes(report: &Report) -> String {
    let mut list = String::from("<h2>Notes</h2>\n<ul>\n");
    for (peers, note) in report.notes() {
        let _ = writeln!(
            list,
            "<li><b>{}</b>: {}</li>",
            escape(&peers),
            escape(&note)
        );
    }
    list + "</ul>\n"
}

fn layers(report: &Report) -> String {
    let (titles, rows) = report.layer_cells();
    format!("<h2>Cycles of layers</h2>\n{}", table(&titles, rows, 3))
}

/// A table whose first columns hold text.
fn table(titles: &[&str], rows: impl Iterator<Item = Vec<String>>, text_columns: usize) -> String {
    let line = |tag: &str, cells: &[String]| {
        let cell = |(at, cell): (usize, &String)| {
            let class = if at < text_columns {
                " class=\"t\""
            } else {
                ""
            };
            format!("<{tag}{class}>{}</{tag}>", escape(cell))
        };
        let cells: String = cells.iter().enumerate().map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    let body: String = rows.map(|cells| line("td", &cells)).collect();
    format!(
        "<div class=\"w\"><table>\n{}{body}</table></div>\n",
        line("th", &titles)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
