//! Encoding and decoding a signed-in user, beside serde_json as the floor that everybody knows.

use criterion::{Criterion, Throughput};
use sampler::user::user;
use session_core::{AuthUserSession, Codec};

pub(crate) fn all(criterion: &mut Criterion) {
    let user = user();
    for (name, codec) in [("bincode", Codec::Bincode), ("json", Codec::Json)] {
        let bytes = codec.encode(&user).expect("a user encodes");
        let mut group = criterion.benchmark_group("codec");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("encode/{name}"), |bencher| {
            bencher.iter(|| codec.encode(&user).expect("a user encodes"));
        });
        group.bench_function(format!("decode/{name}"), |bencher| {
            bencher.iter(|| Codec::decode::<AuthUserSession>(&bytes).expect("a user decodes"));
        });
        group.finish();
    }
    let text = serde_json::to_vec(&user).expect("a user encodes");
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("encode/serde_json", |bencher| {
        bencher.iter(|| serde_json::to_vec(&user).expect("a user encodes"));
    });
    group.bench_function("decode/serde_json", |bencher| {
        bencher.iter(|| serde_json::from_slice::<AuthUserSession>(&text).expect("a user decodes"));
    });
    group.finish();
}
