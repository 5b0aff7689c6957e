//! The bytes of a client id as words, and their hash.

use crate::wire::u64_at;

/// Key of one client id: 95 bits of hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    pub high: u64,
    /// What its cell begins with; the top bit is set, the eight below it name the shard.
    pub tag: u32,
}

/// The bytes of a client id as four words, zeros behind its end.
pub type Words = [u64; 4];

/// Which bits of its words a text of each length has.
const MASKS: [Words; 33] = {
    let mut masks = [[0; 4]; 33];
    let mut length = 0;
    while length <= 32 {
        let mut byte = 0;
        while byte < length {
            masks[length][byte / 8] |= 0xFF << (8 * (byte % 8));
            byte += 1;
        }
        length += 1;
    }
    masks
};

/// Words of at most 32 bytes; what is longer is cut.
#[inline(always)]
pub fn words_of(text: &[u8]) -> Words {
    words_at(text, 0, text.len())
}

/// Words of the `length` (at most 32) bytes at `at`. Reads 32 bytes where there are as many, and keeps what belongs to the
/// text.
#[inline(always)]
pub fn words_at(bytes: &[u8], at: usize, length: usize) -> Words {
    match bytes.get(at..).and_then(|bytes| bytes.first_chunk::<32>()) {
        Some(chunk) => {
            let mask = &MASKS[length.min(32)];
            std::array::from_fn(|index| u64_at(chunk, 8 * index) & mask[index])
        }
        None => words_at_end(bytes, at, length),
    }
}

#[inline(never)]
fn words_at_end(bytes: &[u8], at: usize, length: usize) -> Words {
    let mut chunk = [0; 32];
    let text = bytes.get(at..).unwrap_or_default();
    let length = length.min(text.len()).min(32);
    chunk[..length].copy_from_slice(&text[..length]);
    std::array::from_fn(|index| u64_at(&chunk, 8 * index))
}

/// Whether the first `length` (at most 32) bytes are visible ASCII (0x21 to 0x7E), eight at a time.
#[inline(always)]
pub fn visible(words: &Words, length: usize) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const ONE: u64 = 0x0101_0101_0101_0101;
    let mask = &MASKS[length.min(32)];
    let mut bad = 0;
    for (word, mask) in words.iter().zip(mask) {
        // A byte with its high bit set, minus 0x21, keeps the bit unless it was below; 0x7F plus one sets it.
        let low = !((word | HIGH) - 0x21 * ONE);
        let delete = (word & !HIGH) + ONE;
        bad |= (low | delete | word) & mask;
    }
    bad & HIGH == 0
}

/// Key of a client id of the account with this number.
#[inline(always)]
pub fn key_of_words(account: u32, words: &Words, length: usize) -> Key {
    let seed = (u64::from(account) << 8 | length as u64).wrapping_mul(0x9FB2_1C65_1E98_DF25);
    let a = fold(words[0] ^ 0x9E37_79B9_7F4A_7C15, words[1] ^ 0xD6E8_FEB8_6659_FD93 ^ seed);
    let b = fold(words[2] ^ 0xA076_1D64_78BD_642F ^ seed, words[3] ^ 0xE703_7ED1_A0B4_28DB);
    let wide = u128::from(a ^ 0x8EBC_6AF0_9C88_C6E3) * u128::from(b ^ 0x5899_65CC_7537_4CC3);
    let (low, high) = (wide as u64 ^ a.rotate_left(29), (wide >> 64) as u64 ^ b.rotate_left(17) ^ a);
    let low = low ^ high.rotate_left(32);
    Key { high, tag: low as u32 | 1 << 31 }
}

/// Key of `text` (at most 32 bytes) for the account with this number.
pub fn key_of(account: u32, text: &[u8]) -> Key {
    key_of_words(account, &words_of(text), text.len())
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a).wrapping_mul(u128::from(b));
    (wide as u64) ^ ((wide >> 64) as u64) ^ a.rotate_left(23)
}
