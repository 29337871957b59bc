// SPDX-License-Identifier: MIT OR Apache-2.0
//! The firmware's driver runs the segments of an image on the Verilated accelerator, from the bytes
//! of the image alone; the layers of the host are its caller's.

use sepstream_compiler::compile;
use sepstream_firmware::{Driver, ImageView, Tensors};
use sepstream_sim::cosim::{Error, RtlBus};
use sepstream_sim::model;
use sepstream_sim::reference::{Runner, Value};
use sepstream_spec::config::Values;
use sepstream_spec::graph::{Graph, Op, Reverse, TensorId};
use sepstream_testkit::small::{Network, window};
use sepstream_testkit::{build, tools_present};

use crate::random::ODD;

/// Runs of the accelerator with two layers of the host between them, and a map that waits for the
/// last one.
fn network() -> Graph {
    let shape = [1, 6, 5, 4];
    let (mut network, input) = Network::new("driver", &shape);
    let first = network.conv(input, window(3, 3), 4);
    let shape = network.graph[first].shape.clone();
    let mut map = first;
    for axis in [1, 2] {
        let axes = vec![axis];
        map = network.layer(Op::ReverseV2(Reverse { axes }), &[map], &shape);
    }
    let map = network.conv(map, window(1, 1), 4);
    network.add(first, map);
    network.graph
}

#[test]
fn a_driver_runs_the_segments_of_an_image() {
    if !tools_present() {
        return;
    }
    let config = Values {
        activation_kib: 4,
        ..ODD
    };
    let config = config.check().unwrap();
    let graph = network();
    let runner = Runner::new(&graph).unwrap();
    let compiled = compile(&graph, &config).unwrap();
    let commands = model::cycles(&compiled.program, &config);
    let cycles: u64 = commands.iter().map(|command| command.total).sum();
    let bytes = compiled.program.to_bytes();
    let image = ImageView::parse(&bytes).unwrap();
    assert_eq!(image.segments().count(), 3);

    let mut rtl = build(&config);
    let mut driver = Driver::new(RtlBus::new(&mut rtl, image.word_bytes));
    driver.load(&image).unwrap();
    let mut arena = vec![0; image.arena_bytes()];
    let mut tensors = Tensors::new(image, &mut arena).unwrap();
    let ends = [image.inputs, image.outputs].map(|numbers| numbers.iter().next().unwrap());
    let value = |id: TensorId, bytes: &[u8]| {
        let tensor = &graph[id];
        Value::new(tensor.dtype, tensor.shape.clone(), bytes.to_vec()).unwrap()
    };
    for frame in 0..2u8 {
        let element = |n: usize| (n as u8).wrapping_mul(29) ^ frame;
        let picture: Vec<u8> = (0..graph[graph.inputs[0]].elements())
            .map(element)
            .collect();
        tensors.get(ends[0]).unwrap().copy_from_slice(&picture);
        let took = driver.frame(&mut tensors, u32::MAX, |segment, layers, tensors| {
            let number = segment.reads.iter().next().unwrap();
            let id = TensorId(image.tensor(number).unwrap().index as usize);
            let mut map = value(id, tensors.get(number).unwrap());
            for index in layers.iter() {
                let layer = graph.layers.iter().position(|l| l.index == index as usize);
                map = runner.eval(layer.unwrap(), &[&map]).unwrap().remove(0);
            }
            let number = segment.writes.iter().next().unwrap();
            tensors.get(number).unwrap().copy_from_slice(map.bytes());
            Ok::<_, Error>(())
        });
        assert_eq!(u64::from(took.unwrap()), cycles);
        let wanted = runner.run(&[value(graph.inputs[0], &picture)]).unwrap();
        assert_eq!(
            tensors.get(ends[1]).unwrap(),
            wanted[0].bytes(),
            "frame {frame}"
        );
    }
}
