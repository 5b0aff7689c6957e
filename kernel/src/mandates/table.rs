//! Where mandates are kept: all in one array, so that a command whose account is at hand finds that of its key in one step.
//! An account names its first (`Account::keys`); the others of the few accounts with several are looked up.

use std::collections::BTreeMap;

use super::Mandate;

/// The place of a mandate that was found; good until the group ends, since none is ever forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held(u32);

impl Held {
    /// That of commands nobody has bound: it allows everything, and what is counted on it means nothing.
    pub const NOBODYS: Held = Held(0);
}

/// Two cache lines, begun with one.
#[derive(Default)]
#[repr(C, align(64))]
struct Row {
    key: u32,
    account: u32,
    mandate: Mandate,
}

/// All mandates of a group.
pub(crate) struct Table {
    /// Place by (account number, key).
    places: BTreeMap<(u32, u32), u32>,
    /// The first is nobody's.
    rows: Vec<Row>,
}

impl Default for Table {
    fn default() -> Self {
        Table { places: BTreeMap::new(), rows: vec![Row::default()] }
    }
}

impl Table {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// What `Account::keys` is to be for an account number: 0 without mandates.
    pub fn keys_of(&self, account: u32) -> u32 {
        self.places.range((account, 0)..=(account, u32::MAX)).next().map_or(0, |(_, place)| *place)
    }

    /// The mandate of a key of the account whose record says `keys`; without a key, or a mandate of it, nobody's. There is
    /// nothing to guess where an account has one key only.
    #[inline(always)]
    pub fn find(&self, keys: u32, key: u32) -> Held {
        let place = if key == 0 { 0 } else { keys };
        // Nobody's has the key 0.
        if self.rows[place as usize].key != key {
            return self.find_other(place, key);
        }
        Held(place)
    }

    #[inline(never)]
    fn find_other(&self, first: u32, key: u32) -> Held {
        if first == 0 {
            return Held::NOBODYS;
        }
        let account = self.rows[first as usize].account;
        self.places.get(&(account, key)).map_or(Held::NOBODYS, |place| Held(*place))
    }

    #[inline(always)]
    pub fn held(&self, held: Held) -> &Mandate {
        &self.rows[held.0 as usize].mandate
    }

    #[inline(always)]
    pub fn held_mut(&mut self, held: Held) -> &mut Mandate {
        &mut self.rows[held.0 as usize].mandate
    }

    /// The mandate of a key of an account number.
    pub fn get(&self, account: u32, key: u32) -> Option<&Mandate> {
        self.places.get(&(account, key)).map(|place| self.held(Held(*place)))
    }

    /// (key, mandate) of an account number, by key.
    pub fn of(&self, account: u32) -> impl Iterator<Item = (u32, &Mandate)> {
        let places = self.places.range((account, 0)..=(account, u32::MAX));
        places.map(|((_, key), place)| (*key, self.held(Held(*place))))
    }

    /// Every ((account number, key), mandate), in that order.
    pub fn iter(&self) -> impl Iterator<Item = ((u32, u32), &Mandate)> {
        self.places.iter().map(|(at, place)| (*at, self.held(Held(*place))))
    }

    /// Numbers of the accounts that have any, some more than once.
    pub fn accounts(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.keys().map(|(account, _)| *account)
    }

    pub fn insert(&mut self, account: u32, key: u32, mandate: Mandate) {
        let mandate = Mandate { plain: mandate.is_plain(), ..mandate };
        let place = *self.places.entry((account, key)).or_insert(self.rows.len() as u32) as usize;
        if place == self.rows.len() {
            self.rows.push(Row { key, account, mandate });
        } else {
            self.rows[place].mandate = mandate;
        }
    }

    /// The mandates of one account alone.
    pub fn part(&self, account: u32) -> Table {
        let mut part = Table::default();
        for (key, mandate) in self.of(account) {
            part.insert(account, key, mandate.clone());
        }
        part
    }

    /// Hint that a command of the account whose record says `keys` comes soon.
    #[inline]
    pub fn prefetch(&self, keys: u32) {
        crate::prefetch::line(&self.rows, keys as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_number_and_by_the_record_of_their_account() {
        let mut table = Table::default();
        assert!(table.is_empty());
        let mandate = |rate| Mandate { rate, ..Mandate::default() };
        for (account, key) in [(40, 9), (17, 5), (40, 3), (17, 6), (40, 9)] {
            table.insert(account, key, mandate(account * 10 + key));
        }
        assert_eq!((table.len(), table.is_empty()), (4, false));
        let all: Vec<_> = table.iter().map(|(place, mandate)| (place, mandate.rate)).collect();
        assert_eq!(all, [((17, 5), 175), ((17, 6), 176), ((40, 3), 403), ((40, 9), 409)]);
        let keys = table.keys_of(40);
        let rate = |key| table.held(table.find(keys, key)).rate;
        assert_eq!((rate(3), rate(9)), (403, 409));
        for (keys, key) in [(keys, 5), (0, 3), (keys, 0), (table.keys_of(17), 9)] {
            assert_eq!(table.find(keys, key), Held::NOBODYS);
        }
        assert_eq!((table.keys_of(16), table.get(17, 9)), (0, None));
        let part = table.part(40);
        assert_eq!(part.iter().map(|(place, _)| place).collect::<Vec<_>>(), [(40, 3), (40, 9)]);
        assert_eq!((part.keys_of(40) != 0, part.keys_of(17)), (true, 0));
    }
}
