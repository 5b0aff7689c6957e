//! Where mandates are kept: those of one account together, so that a command whose account is at hand finds that of its key
//! in one step, and accounts without any are told by their own record (`Account::keys`).

use std::collections::BTreeMap;

use super::Mandate;

/// A mandate that was found; good until the next is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    list: u32,
    at: u32,
}

/// All mandates of a group.
#[derive(Default)]
pub(crate) struct Table {
    /// List of an account, by its number.
    places: BTreeMap<u32, u32>,
    /// (key, mandate) by key.
    lists: Vec<Vec<(u32, Mandate)>>,
    count: usize,
}

impl Table {
    pub fn len(&self) -> usize {
        self.count
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What `Account::keys` is to be for an account number: 0 without mandates.
    pub fn keys_of(&self, account: u32) -> u32 {
        self.places.get(&account).map_or(0, |place| place + 1)
    }

    /// The mandate of a key of the account whose record says `keys`.
    #[inline(always)]
    pub fn find(&self, keys: u32, key: u32) -> Option<Held> {
        if keys == 0 || key == 0 {
            return None;
        }
        let list = keys - 1;
        let at = match self.lists[list as usize].as_slice() {
            [only] => (only.0 == key).then_some(0),
            several => several.binary_search_by_key(&key, |row| row.0).ok(),
        };
        at.map(|at| Held { list, at: at as u32 })
    }

    #[inline(always)]
    pub fn held(&self, held: Held) -> &Mandate {
        &self.lists[held.list as usize][held.at as usize].1
    }

    #[inline(always)]
    pub fn held_mut(&mut self, held: Held) -> &mut Mandate {
        &mut self.lists[held.list as usize][held.at as usize].1
    }

    /// The mandate of a key of an account number.
    pub fn get(&self, account: u32, key: u32) -> Option<&Mandate> {
        self.find(self.keys_of(account), key).map(|held| self.held(held))
    }

    /// (key, mandate) of an account number, by key.
    pub fn of(&self, account: u32) -> &[(u32, Mandate)] {
        self.places.get(&account).map_or(&[], |place| &self.lists[*place as usize])
    }

    /// Every ((account number, key), mandate), in that order.
    pub fn iter(&self) -> impl Iterator<Item = ((u32, u32), &Mandate)> {
        self.places.keys().flat_map(|account| self.of(*account).iter().map(|row| ((*account, row.0), &row.1)))
    }

    /// Numbers of the accounts that have any.
    pub fn accounts(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.keys().copied()
    }

    pub fn insert(&mut self, account: u32, key: u32, mandate: Mandate) {
        let mandate = Mandate { plain: mandate.is_plain(), ..mandate };
        let place = *self.places.entry(account).or_insert(self.lists.len() as u32) as usize;
        if place == self.lists.len() {
            self.lists.push(Vec::new());
        }
        let list = &mut self.lists[place];
        match list.binary_search_by_key(&key, |row| row.0) {
            Ok(at) => list[at].1 = mandate,
            Err(at) => {
                list.insert(at, (key, mandate));
                self.count += 1;
            }
        }
    }

    /// The mandates of one account alone.
    pub fn part(&self, account: u32) -> Table {
        let mut part = Table::default();
        for (key, mandate) in self.of(account) {
            part.insert(account, *key, mandate.clone());
        }
        part
    }

    /// Hint that a command of the account whose record says `keys` comes soon.
    #[inline]
    pub fn prefetch(&self, keys: u32) {
        if let Some(first) = self.lists.get((keys as usize).wrapping_sub(1)).and_then(|list| list.first()) {
            crate::prefetch::whole(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_number_and_by_the_record_of_their_account() {
        let mut table = Table::default();
        let mandate = |rate| Mandate { rate, ..Mandate::default() };
        for (account, key) in [(40, 9), (17, 5), (40, 3), (17, 6), (40, 9)] {
            table.insert(account, key, mandate(account * 10 + key));
        }
        assert_eq!(table.len(), 4);
        let all: Vec<_> = table.iter().map(|(place, mandate)| (place, mandate.rate)).collect();
        assert_eq!(all, [((17, 5), 175), ((17, 6), 176), ((40, 3), 403), ((40, 9), 409)]);
        let keys = table.keys_of(40);
        assert_eq!(table.find(keys, 3).map(|held| table.held(held).rate), Some(403));
        assert!(table.find(keys, 5).is_none() && table.find(0, 3).is_none() && table.find(keys, 0).is_none());
        assert_eq!((table.keys_of(16), table.get(17, 9)), (0, None));
        let part = table.part(40);
        assert_eq!((part.len(), part.keys_of(40), part.keys_of(17)), (2, 1, 0));
    }
}
