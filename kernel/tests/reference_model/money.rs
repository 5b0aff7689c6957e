//! Money as the documents say it, in `i128` and one formula a function.

pub const PPM: i128 = 1_000_000;

/// Smallest whole number that is not below `value / 10^6`.
pub fn ceil_ppm(value: i128) -> i128 {
    -((-value).div_euclid(PPM))
}

/// Largest whole number that is not above `value / 10^6`.
pub fn floor_ppm(value: i128) -> i128 {
    value.div_euclid(PPM)
}

/// What a fill is charged and what the order has prepaid after it, in millionths of a unit.
pub fn charge(notional: i128, ppm: i32, prepaid: i128) -> (i128, i128) {
    let exact = notional * i128::from(ppm) - prepaid;
    let charged = ceil_ppm(exact);
    (charged, charged * PPM - exact)
}

/// What an order for `notional` can still cost: the notional itself and its fee as a taker, never a rebate.
pub fn buy_hold(notional: i128, taker_ppm: i32, prepaid: i128) -> i128 {
    notional + charge(notional, taker_ppm, prepaid).0.max(0)
}

/// How a fill's fees are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    pub venue: i128,
    pub protocol: i128,
    pub dust: i128,
}

/// `earned` is what the rates say, `paid` what both sides were charged.
pub fn split(notional: i128, maker_ppm: i32, taker_ppm: i32, share_ppm: u32, paid: i128) -> Split {
    let earned = floor_ppm(notional * (i128::from(maker_ppm) + i128::from(taker_ppm)));
    let protocol = floor_ppm(earned * i128::from(share_ppm));
    Split { venue: earned - protocol, protocol, dust: paid - earned }
}

/// Most lots whose notional and taker fee a budget pays: found by bisection over the plain rule.
pub fn affordable_lots(budget: i128, lot_price: i128, taker_ppm: i32, prepaid: i128) -> i128 {
    let cost = |lots: i128| buy_hold(lots * lot_price, taker_ppm, prepaid);
    let (mut low, mut high) = (0, budget.max(0) / lot_price + 1);
    while low + 1 < high {
        let middle = (low + high) / 2;
        if cost(middle) <= budget {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
