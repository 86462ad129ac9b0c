//! How a kernel is computed: decided once, when the kernel is written. `loops` lowers what is said here.

use super::{Buffer, Kernel, PrefixSum, Product, Ranks, Scatter, coalesce};

/// How a kernel is computed. Axes are those of the kernel after it is coalesced.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Strategy {
    /// In loops over its axes.
    #[default]
    Nest,
    /// By the library's matrix product.
    Product(Product),
    /// By adding each value where its index says.
    Scatter(Scatter),
    /// By sorting.
    Ranks(Ranks),
    /// By adding each element to the sum before it.
    PrefixSum(PrefixSum),
}

impl Strategy {
    /// The first that fits a kernel and is faster than loops over its axes.
    pub fn of(buffers: &[Buffer], kernel: &Kernel) -> Strategy {
        let kernel = &*coalesce(kernel);
        let product = Product::of(buffers, kernel).map(Strategy::Product);
        product
            .or_else(|| Scatter::of(kernel).map(Strategy::Scatter))
            .or_else(|| Ranks::of(kernel).map(Strategy::Ranks))
            .or_else(|| PrefixSum::of(kernel).map(Strategy::PrefixSum))
            .unwrap_or_default()
    }

    /// Whether a kernel can be computed so: in loops, each can.
    pub(super) fn fits(&self, buffers: &[Buffer], kernel: &Kernel) -> bool {
        *self == Strategy::Nest || *self == Strategy::of(buffers, kernel)
    }

    /// How often the kernel's loops would visit each element that this visits once.
    pub(super) fn saved(&self) -> usize {
        match self {
            Strategy::Nest | Strategy::Product(_) => 1,
            Strategy::Scatter(scatter) => scatter.places,
            Strategy::PrefixSum(prefix) => prefix.n,
            // Sorting takes a factor of the logarithm.
            Strategy::Ranks(ranks) => ranks.n / (ranks.n.ilog2() as usize + 1),
        }
    }

    /// How it is done, if not in loops over the axes.
    pub(super) fn note(&self) -> Option<String> {
        match self {
            Strategy::Nest => None,
            Strategy::Product(product) => Some(product.to_string()),
            Strategy::Scatter(scatter) => Some(scatter.to_string()),
            Strategy::Ranks(ranks) => Some(ranks.to_string()),
            Strategy::PrefixSum(prefix) => Some(prefix.to_string()),
        }
    }
}
