//! Reed–Solomon correction of errors and erasures over the integers modulo 929 (ISO/IEC 15438, 5.10).
//!
//! Always holds: what comes back is a code word of the code, reached with at most the correction that leaves two check
//! codewords to detect a wrong one; otherwise nothing comes back. rxing's own corrector takes no erasures.

use zeroize::Zeroizing;

const PRIME: u32 = 929;
const GENERATOR: u32 = 3;

fn multiply(a: u32, b: u32) -> u32 {
    a * b % PRIME
}

fn subtract(a: u32, b: u32) -> u32 {
    (a + PRIME - b) % PRIME
}

fn power(base: u32, exponent: usize) -> u32 {
    let (mut result, mut square, mut rest) = (1, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        rest >>= 1;
    }
    result
}

/// By Fermat's little theorem; 0 has no inverse and gives 0.
fn inverse(a: u32) -> u32 {
    power(a, PRIME as usize - 2)
}

/// Value of a polynomial, lowest coefficient first.
fn evaluate(polynomial: &[u32], at: u32) -> u32 {
    polynomial.iter().rev().fold(0, |sum, &coefficient| (sum * at + coefficient) % PRIME)
}

/// The received word at the `count` first powers of the generator: all zero when it is a code word.
fn syndromes(codewords: &[u16], count: usize) -> Vec<u32> {
    (1..=count)
        .map(|k| {
            let at = power(GENERATOR, k);
            codewords.iter().fold(0, |sum, &codeword| (sum * at + u32::from(codeword)) % PRIME)
        })
        .collect()
}

/// Corrects `codewords`, of which the last `checks` are check codewords, in place; `erasures` are positions known to be
/// unsure. Returns how many codewords were changed or filled in, or `None` when it cannot be done safely.
pub fn correct(codewords: &mut [u16], checks: usize, erasures: &[usize]) -> Option<usize> {
    let syndromes_before = syndromes(codewords, checks);
    if syndromes_before.iter().all(|&s| s == 0) {
        return Some(0);
    }
    let length = codewords.len();
    let place = |position: usize| power(GENERATOR, length - 1 - position);
    let mut erased = vec![1];
    for &position in erasures {
        times_root(&mut erased, place(position));
    }
    let locator = berlekamp_massey(&syndromes_before, erased, erasures.len());
    let degree = locator.iter().rposition(|&c| c != 0)?;
    let errors = degree.checked_sub(erasures.len())?;
    if 2 * errors + erasures.len() + 2 > checks {
        return None;
    }
    let evaluator: Vec<u32> = (0..checks)
        .map(|k| (0..=k.min(degree)).fold(0, |sum, j| (sum + locator[j] * syndromes_before[k - j]) % PRIME))
        .collect();
    let derivative: Vec<u32> = (1..=degree).map(|k| multiply(k as u32 % PRIME, locator[k])).collect();
    let mut found = 0;
    let mut corrected = Zeroizing::new(codewords.to_vec());
    for (position, codeword) in corrected.iter_mut().enumerate() {
        let root = inverse(place(position));
        if evaluate(&locator, root) == 0 {
            let error = multiply(evaluate(&evaluator, root), inverse(evaluate(&derivative, root)));
            // The magnitude is the negated quotient (Forney 1965), and it is taken off.
            *codeword = ((u32::from(*codeword) + error) % PRIME) as u16;
            found += 1;
        }
    }
    if found != degree || syndromes(&corrected, checks).iter().any(|&s| s != 0) {
        return None;
    }
    codewords.copy_from_slice(&corrected);
    Some(found)
}

/// Multiplies by `1 - place x`.
fn times_root(polynomial: &mut Vec<u32>, place: u32) {
    polynomial.push(0);
    for k in (1..polynomial.len()).rev() {
        polynomial[k] = subtract(polynomial[k], multiply(place, polynomial[k - 1]));
    }
}

/// The shortest locator that explains the syndromes and holds the erasures (Massey 1969, with erasures as in Blahut).
fn berlekamp_massey(syndromes: &[u32], erased: Vec<u32>, erasures: usize) -> Vec<u32> {
    let size = syndromes.len() + erasures + 2;
    let mut locator = erased;
    locator.resize(size, 0);
    let mut previous = locator.clone();
    let (mut length, mut previous_discrepancy, mut shift) = (erasures, 1, 1);
    for at in erasures..syndromes.len() {
        let discrepancy = (0..=at).fold(0, |sum, j| (sum + locator[j] * syndromes[at - j]) % PRIME);
        if discrepancy == 0 {
            shift += 1;
            continue;
        }
        let factor = multiply(discrepancy, inverse(previous_discrepancy));
        let before = locator.clone();
        for k in shift..size {
            locator[k] = subtract(locator[k], multiply(factor, previous[k - shift]));
        }
        if 2 * length <= at + erasures {
            length = at + 1 + erasures - length;
            (previous, previous_discrepancy, shift) = (before, discrepancy, 1);
        } else {
            shift += 1;
        }
    }
    locator
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A code word: some data with its check codewords, by division through the generator polynomial.
    pub fn encode(data: &[u16], checks: usize) -> Vec<u16> {
        let mut generator = vec![1];
        for k in 1..=checks {
            // Highest coefficient first: times (x - 3^k).
            times_root(&mut generator, power(GENERATOR, k));
        }
        let mut rest: Vec<u32> = data.iter().map(|&c| u32::from(c)).chain(std::iter::repeat_n(0, checks)).collect();
        for at in 0..data.len() {
            let factor = rest[at];
            for (k, &coefficient) in generator.iter().enumerate() {
                rest[at + k] = subtract(rest[at + k], multiply(factor, coefficient));
            }
        }
        let tail = rest[data.len()..].iter().map(|&c| subtract(0, c) as u16);
        data.iter().copied().chain(tail).collect()
    }

    proptest! {
        #[test]
        fn errors_and_erasures_within_reach_are_corrected(
            data in proptest::collection::vec(0u16..929, 20..120), errors in 0usize..8, erasures in 0usize..15, seed in 0usize..1000,
        ) {
            let sent = encode(&data, 32);
            let mut received = sent.clone();
            let places: Vec<usize> = (0..errors + erasures).map(|k| (seed + k * 7) % sent.len()).collect();
            let distinct = places.iter().collect::<std::collections::HashSet<_>>().len() == places.len();
            prop_assume!(distinct);
            for &place in &places {
                received[place] = (received[place] + 1 + (seed % 900) as u16) % 929;
            }
            prop_assert!(correct(&mut received, 32, &places[errors..]).is_some());
            prop_assert_eq!(received, sent);
        }
    }

    #[test]
    fn more_errors_than_the_checks_allow_are_not_corrected() {
        let sent = encode(&[7; 40], 8);
        let mut received = sent;
        for codeword in received.iter_mut().take(4) {
            *codeword = (*codeword + 300) % 929;
        }
        let before = received.clone();
        assert_eq!(correct(&mut received, 8, &[]), None);
        assert_eq!(received, before);
    }
}
