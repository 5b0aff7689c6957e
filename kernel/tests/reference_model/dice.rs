//! Seeded numbers.

use super::script::Genes;

/// A small generator of well-mixed numbers (splitmix64), so that a seed names a script for ever.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
    pub fn genes(&mut self) -> Genes {
        let mut genes = [0; 12];
        for four in genes.chunks_mut(4) {
            let word = self.roll().to_le_bytes();
            for (gene, bytes) in four.iter_mut().zip(word.chunks(2)) {
                *gene = u16::from_le_bytes([bytes[0], bytes[1]]);
            }
        }
        genes
    }
}
