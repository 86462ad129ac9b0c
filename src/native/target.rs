//! What machine to compile for.

use cranelift::codegen::isa::{self, OwnedTargetIsa};
use cranelift::codegen::settings::{self, Configurable};

use crate::ice;

/// A machine with its instruction set extensions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Target {
    /// The one that this process runs on.
    #[default]
    Host,
    /// A fixed one, so that printed code is the same everywhere.
    Fixed {
        /// `x86_64` or a triple.
        name: String,
        /// Extensions as Cranelift names them: `has_avx`.
        features: Vec<String>,
    },
}

impl Target {
    /// The target of printed code in tests: x86-64 with AVX2 and FMA.
    pub fn reference() -> Target {
        let features = "has_sse3 has_ssse3 has_sse41 has_sse42 has_popcnt has_avx has_avx2 has_fma";
        Target::fixed("x86_64", &features.split(' ').collect::<Vec<_>>())
    }

    /// The target of printed intermediate code, which is then the same on every machine of a kind: the
    /// reference, or this machine where Cranelift has been built for another kind.
    pub fn printed() -> Target {
        if cfg!(target_arch = "x86_64") { Target::reference() } else { Target::Host }
    }

    /// A fixed target.
    pub fn fixed(name: &str, features: &[&str]) -> Target {
        let features = features.iter().map(|feature| feature.to_string()).collect();
        Target::Fixed { name: name.to_owned(), features }
    }

    /// Whether it is an x86-64 with an extension.
    pub(super) fn has(&self, extension: &str) -> bool {
        match self {
            Target::Host => host_has(extension),
            // Cranelift knows nothing of this one, which each machine with the others has.
            Target::Fixed { .. } if extension == "avx512bw" => true,
            Target::Fixed { name, features } => {
                let named = |feature: &String| feature.strip_prefix("has_") == Some(extension);
                name.starts_with("x86_64") && features.iter().any(named)
            }
        }
    }

    /// Its instruction set.
    ///
    /// # Panics
    /// If Cranelift does not know the machine or a feature.
    pub(super) fn isa(&self) -> OwnedTargetIsa {
        let flags = settings::Flags::new(flags());
        let builder = match self {
            Target::Host => {
                cranelift_native::builder().unwrap_or_else(|why| ice!("native", "this machine: {why}"))
            }
            Target::Fixed { name, features } => fixed(name, features),
        };
        builder.finish(flags).unwrap_or_else(|why| ice!("native", "instruction set: {why}"))
    }
}

#[cfg(target_arch = "x86_64")]
fn host_has(extension: &str) -> bool {
    match extension {
        "avx2" => is_x86_feature_detected!("avx2"),
        "fma" => is_x86_feature_detected!("fma"),
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512vl" => is_x86_feature_detected!("avx512vl"),
        "avx512dq" => is_x86_feature_detected!("avx512dq"),
        "avx512bw" => is_x86_feature_detected!("avx512bw"),
        _ => false,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn host_has(_: &str) -> bool {
    false
}

/// A builder for a named machine.
fn fixed(name: &str, features: &[String]) -> isa::Builder {
    let triple = if name.contains('-') { name.to_owned() } else { format!("{name}-unknown-linux-gnu") };
    let mut builder = isa::lookup_by_name(&triple).unwrap_or_else(|why| ice!("native", "`{triple}`: {why}"));
    for feature in features {
        builder.enable(feature).unwrap_or_else(|why| ice!("native", "`{feature}`: {why}"));
    }
    builder
}

/// Settings of the code generator that hold on every machine. The code calls nothing that unwinds
/// and needs little stack, so there are neither unwind tables nor stack probes.
fn flags() -> settings::Builder {
    let verify = if cfg!(debug_assertions) { "true" } else { "false" };
    let settings = [
        ("opt_level", "speed"),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        ("enable_verifier", verify),
        ("unwind_info", "false"),
        ("enable_probestack", "false"),
    ];
    let mut builder = settings::builder();
    for (name, value) in settings {
        builder.set(name, value).unwrap_or_else(|why| ice!("native", "setting `{name}`: {why}"));
    }
    builder
}
