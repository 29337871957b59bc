// SPDX-License-Identifier: MIT OR Apache-2.0
//! How networks are cut between accelerator and host.

use sepstream_compiler::Error;
use sepstream_compiler::accelerate::{Cut, Side};
use sepstream_spec::graph::{Graph, Missing, Op, Opaque, Pad, Reverse, TensorId, Window};
use sepstream_testkit::small::{Network, window};

const MAP: [usize; 4] = [1, 8, 8, 4];

/// A layer that only the host runs.
fn reversed(network: &mut Network, map: TensorId) -> TensorId {
    let shape = network.graph[map].shape.clone();
    let axes = vec![1];
    network.layer(Op::ReverseV2(Reverse { axes }), &[map], &shape)
}

fn conv(network: &mut Network, map: TensorId) -> TensorId {
    network.conv(map, window(1, 1), 4)
}

/// Segments in short: the side, its layers, the tensors that it reads and writes.
fn cut(graph: &Graph) -> Vec<String> {
    let cut = Cut::of(graph, false).unwrap_or_else(|error| panic!("{error}"));
    let numbers = |ids: &[TensorId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let segment = |segment: &sepstream_compiler::accelerate::Segment| {
        let side = match segment.side {
            Side::Host => "host",
            Side::Accelerator => "accelerator",
        };
        let (reads, writes) = (numbers(&segment.reads), numbers(&segment.writes));
        format!("{side} {:?}: {reads:?} -> {writes:?}", segment.layers)
    };
    cut.segments.iter().map(segment).collect()
}

#[test]
fn a_layer_of_the_host_parts_two_runs() {
    let (mut network, input) = Network::new("between", &MAP);
    let a = conv(&mut network, input);
    let b = reversed(&mut network, a);
    let c = conv(&mut network, b);
    let [input, a, b, c] = [input, a, b, c].map(|id| id.0);
    let wanted = [
        format!("accelerator [0]: [{input}] -> [{a}]"),
        format!("host [1]: [{a}] -> [{b}]"),
        format!("accelerator [2]: [{b}] -> [{c}]"),
    ];
    assert_eq!(cut(&network.graph), wanted);
}

/// Both branches are ready for the ADD in the second run; the host keeps the one that is there
/// first.
#[test]
fn branches_add_no_segments() {
    let (mut network, input) = Network::new("branches", &MAP);
    let a = conv(&mut network, input);
    let b = reversed(&mut network, a);
    let c = conv(&mut network, b);
    let d = conv(&mut network, a);
    let e = network.add(c, d);
    let [input, a, b, d, e] = [input, a, b, d, e].map(|id| id.0);
    let wanted = [
        format!("accelerator [0, 3]: [{input}] -> [{a}, {d}]"),
        format!("host [1]: [{a}] -> [{b}]"),
        format!("accelerator [2, 4]: [{b}, {d}] -> [{e}]"),
    ];
    assert_eq!(cut(&network.graph), wanted);
}

/// Neither an ADD of the host's maps nor a pool between its layers is worth a run.
#[test]
fn layers_without_products_go_to_the_host_between_its_own() {
    let (mut network, input) = Network::new("idle", &MAP);
    let a = conv(&mut network, input);
    let b = reversed(&mut network, a);
    let c = network.pool(b, window(2, 2));
    let d = reversed(&mut network, c);
    let e = network.add(d, c);
    let f = conv(&mut network, e);
    let [input, a, e, f] = [input, a, e, f].map(|id| id.0);
    let wanted = [
        format!("accelerator [0]: [{input}] -> [{a}]"),
        format!("host [1, 2, 3, 4]: [{a}] -> [{e}]"),
        format!("accelerator [5]: [{e}] -> [{f}]"),
    ];
    assert_eq!(cut(&network.graph), wanted);
    // but where it is all there is, it runs
    let (mut network, input) = Network::new("pool", &MAP);
    let a = network.pool(input, window(2, 2));
    reversed(&mut network, a);
    assert_eq!(cut(&network.graph).len(), 2);
}

/// A rule that a layer breaks makes it the host's, and a PAD that one of its readers cannot take
/// over.
#[test]
fn layers_that_break_a_rule_run_on_the_host() {
    let strided = Window {
        stride: (5, 1),
        ..window(3, 3)
    };
    let (mut network, input) = Network::new("strides", &[1, 20, 8, 4]);
    let pad = Pad {
        before: vec![0, 1, 1, 0],
        after: vec![0, 1, 1, 0],
        value: 0,
    };
    let padded = network.layer(Op::Pad(pad), &[input], &[1, 22, 10, 4]);
    let a = network.conv(padded, strided, 4);
    let alone = network.graph.clone();
    let b = network.conv(padded, window(3, 3), 4);
    network.graph.outputs = vec![a, b];
    let [input, padded, a, b] = [input, padded, a, b].map(|id| id.0);
    let wanted = [
        format!("host [0, 1]: [{input}] -> [{a}, {padded}]"),
        format!("accelerator [2]: [{padded}] -> [{b}]"),
    ];
    assert_eq!(cut(&network.graph), wanted);
    // with nothing left for the accelerator it is an error as ever
    let error = Cut::of(&alone, false).unwrap_err();
    assert!(
        error.to_string().contains("a vertical stride of 5"),
        "{error}"
    );
}

#[test]
fn strict_asks_for_one_run() {
    let (mut network, input) = Network::new("strict", &MAP);
    let a = conv(&mut network, input);
    let b = reversed(&mut network, a);
    let behind = network.graph.clone();
    assert_eq!(Cut::of(&behind, true), Cut::of(&behind, false));
    conv(&mut network, b);
    let error = Cut::of(&network.graph, true).unwrap_err().to_string();
    let found = "REVERSE_V2 between layers for the accelerator (layer 2, CONV_2D, comes after it)";
    assert!(error.contains(found), "{error}");
    assert!(
        error.contains("without `--strict` the host runs them"),
        "{error}"
    );
}

/// What nobody can run is left to the caller in front of the first run and behind the last, and
/// refused between two.
#[test]
fn layers_that_nobody_can_run_are_refused_in_between() {
    let unknown = || {
        Op::Opaque(Opaque {
            kind: "WHATEVER".into(),
            missing: vec![Missing {
                rule: "operator",
                found: "the operator WHATEVER".into(),
                supported: "Operators are those of the table.",
            }],
        })
    };
    let (mut network, input) = Network::new("unknown", &MAP);
    let a = network.layer(unknown(), &[input], &MAP);
    let b = conv(&mut network, a);
    let c = network.layer(unknown(), &[b], &MAP);
    assert_eq!(cut(&network.graph).len(), 3);
    conv(&mut network, c);
    match Cut::of(&network.graph, false) {
        Err(Error::Unsupported { violations, .. }) => {
            let layers: Vec<usize> = violations.iter().map(|v| v.layer.index).collect();
            assert_eq!(layers, [2]);
        }
        other => panic!("{other:?}"),
    }
}
