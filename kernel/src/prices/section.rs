//! Prices in snapshots.

use std::collections::VecDeque;

use super::ema::Ema;
use super::feed::{Feed, Source, MAX_SOURCES};
use super::funding::{Funding, PaidHour, HOURS_KEPT};
use super::rules::{FundingRules, PriceRules, FUNDING_RULES, PRICE_RULES};
use super::{Grade, MarketPrices, PriceCandle};
use crate::codec::{Reader, Writer};
use crate::kernel::Kernel;

const PAID_HOUR: usize = 48;

fn write_i128(out: &mut Writer, value: i128) {
    out.raw(&value.to_le_bytes());
}

fn read_i128(input: &mut Reader) -> Option<i128> {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(input.raw(16)?);
    Some(i128::from_le_bytes(bytes))
}

impl Ema {
    fn write(&self, out: &mut Writer) {
        out.i64(self.scaled);
        out.u64(self.fed_ms);
    }

    fn read(input: &mut Reader) -> Option<Ema> {
        let ema = Ema { scaled: input.i64()?, fed_ms: input.u64()? };
        (ema.scaled.unsigned_abs() <= 1 << 62).then_some(ema)
    }
}

impl Source {
    fn write(&self, out: &mut Writer) {
        out.u32(self.number);
        out.u8(u8::from(self.external));
        out.i64(self.price);
        out.u64(self.published_ms);
        out.u8(self.strikes);
        out.u8(u8::from(self.demoted));
        out.u32(self.garbage);
    }

    fn read(input: &mut Reader) -> Option<Source> {
        Some(Source {
            number: input.u32()?,
            external: input.u8()? == 1,
            price: input.i64()?,
            published_ms: input.u64()?,
            strikes: input.u8()?,
            demoted: input.u8()? == 1,
            garbage: input.u32()?,
        })
    }
}

impl Feed {
    fn write(&self, out: &mut Writer) {
        self.rules.write(&mut out.bytes);
        out.i64(self.index);
        out.u8(self.grade as u8);
        self.slow.write(out);
        for value in [self.fresh_until_ms, self.full_until_ms, self.stepped_ms, self.day, self.due_ms] {
            out.u64(value);
        }
        out.i64(self.day_start);
        out.u8(u8::from(self.pending));
        out.count(self.sources.len());
        for source in &self.sources {
            source.write(out);
        }
    }

    fn read(input: &mut Reader) -> Option<Feed> {
        let mut feed = Feed::new(PriceRules::read(input.raw(PRICE_RULES)?)?);
        feed.index = input.i64()?;
        feed.grade = Grade::of(input.u8()?)?;
        feed.slow = Ema::read(input)?;
        feed.fresh_until_ms = input.u64()?;
        feed.full_until_ms = input.u64()?;
        feed.stepped_ms = input.u64()?;
        feed.day = input.u64()?;
        feed.due_ms = input.u64()?;
        feed.day_start = input.i64()?;
        feed.pending = input.u8()? == 1;
        for _ in 0..input.count(27)? {
            feed.sources.push(Source::read(input)?);
        }
        Some(feed)
    }

    /// What the rest of the engine takes for granted; the error says what does not hold.
    pub(super) fn check(&self, highest: i64) -> Result<(), String> {
        let ordered = self.sources.windows(2).all(|pair| pair[0].key() < pair[1].key());
        let prices = self.sources.iter().map(|source| source.price).chain([self.index, self.day_start]);
        match () {
            _ if !ordered || self.sources.len() > MAX_SOURCES => Err("sources out of order".to_owned()),
            _ if prices.into_iter().any(|price| !(0..=highest).contains(&price)) => {
                Err("a price that cannot be counted".to_owned())
            }
            _ if (self.index == 0) != (self.grade == Grade::None) => {
                Err("a grade without a price".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Funding {
    fn write(&self, out: &mut Writer) {
        self.rules.write(&mut out.bytes);
        out.i64(self.pot);
        out.i64(self.fraction);
        out.u64(self.hour);
        out.i64(self.premium_sum);
        out.u32(self.covered);
        out.u64(self.slot);
        out.count(self.history.len());
        for paid in &self.history {
            out.u64(paid.end_ms);
            out.i64(paid.rate);
            out.i64(paid.premium);
            out.i64(paid.index_ticks);
            write_i128(out, paid.growth);
        }
    }

    fn read(input: &mut Reader) -> Option<Funding> {
        let mut funding = Funding {
            rules: FundingRules::read(input.raw(FUNDING_RULES)?)?,
            pot: input.i64()?,
            fraction: input.i64()?,
            hour: input.u64()?,
            premium_sum: input.i64()?,
            covered: input.u32()?,
            slot: input.u64()?,
            history: VecDeque::new(),
        };
        let count = input.count(PAID_HOUR)?;
        for _ in 0..count {
            funding.history.push_back(PaidHour {
                end_ms: input.u64()?,
                rate: input.i64()?,
                premium: input.i64()?,
                index_ticks: input.i64()?,
                growth: read_i128(input)?,
            });
        }
        (count <= HOURS_KEPT && funding.is_sound()).then_some(funding)
    }
}

impl PriceCandle {
    fn write(&self, out: &mut Writer) {
        out.u64(self.minute_ms);
        for ticks in [self.open, self.high, self.low, self.close] {
            out.i64(ticks);
        }
    }

    fn read(input: &mut Reader) -> Option<PriceCandle> {
        Some(PriceCandle {
            minute_ms: input.u64()?,
            open: input.i64()?,
            high: input.i64()?,
            low: input.i64()?,
            close: input.i64()?,
        })
    }
}

impl MarketPrices {
    fn write(&self, out: &mut Writer) {
        out.i64(self.mark);
        self.basis.write(out);
        out.u64(self.due_ms);
        out.u8(u8::from(self.halted));
        self.feed.write(out);
        self.funding.write(out);
        for candle in &self.candles {
            candle.write(out);
        }
    }

    fn read(input: &mut Reader) -> Option<MarketPrices> {
        Some(MarketPrices {
            mark: input.i64()?,
            basis: Ema::read(input)?,
            due_ms: input.u64()?,
            halted: input.u8()? == 1,
            feed: Feed::read(input)?,
            funding: Funding::read(input)?,
            candles: [PriceCandle::read(input)?, PriceCandle::read(input)?],
        })
    }
}

impl Kernel {
    /// Markets whose prices are not as they began.
    pub(crate) fn write_prices(&self, out: &mut Writer) {
        let fresh = MarketPrices::new();
        let touched = || self.markets.iter().filter(|market| market.prices != fresh);
        out.count(touched().count());
        for market in touched() {
            out.u32(market.number);
            market.prices.write(out);
        }
    }

    pub(crate) fn read_prices(&mut self, input: &mut Reader) -> Option<()> {
        for _ in 0..input.count(4)? {
            let number = input.u32()?;
            let prices = MarketPrices::read(input)?;
            self.prices.arm(number, u64::MAX, prices.due_ms);
            self.markets.get_mut(number as usize)?.prices = prices;
        }
        Some(())
    }
}
