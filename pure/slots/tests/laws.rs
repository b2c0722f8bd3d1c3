//! The laws, over the whole attribute space of two sets: every priority, tries, successful and failures of A beside every
//! one of B, 4,194,304 pairs.

#![allow(clippy::unwrap_used)]

mod common;

use common::{digests, every_attributes, every_pair, proof};
use slots::{
    Attributes, Digest, FAILURES_TO_LOSE_STANDING, Mismatch, Refusal, Set, Sets, State, TRIAL_TRIES, Why,
    Written,
};

/// Everything that may happen to a pair; what is refused changes nothing and is left out.
fn operations(sets: Sets, of: Set) -> impl Iterator<Item = (&'static str, Sets)> {
    let always = [
        ("spend", sets.spend(of)),
        ("refused", sets.refused(of)),
        ("settle", sets.settle(of)),
        ("confirm", sets.confirm(of)),
        ("condemn", sets.condemn(of)),
    ];
    let mayhap = [
        ("clear", sets.clear(of)),
        ("mark_valid", sets.mark_valid(of, proof(of.other()))),
        ("arm", sets.arm(of, proof(of.other()))),
        ("cancel", sets.cancel(of)),
        ("rollback", sets.rollback(of)),
    ];
    always.into_iter().chain(mayhap.into_iter().filter_map(|(name, result)| Some((name, result.ok()?))))
}

/// One operation by name, for doing it again.
fn again(name: &str, sets: Sets, of: Set) -> Sets {
    operations(sets, of).find(|(other, _)| *other == name).map_or(sets, |(_, after)| after)
}

#[test]
fn the_whole_space_is_walked() {
    assert_eq!(every_pair().count(), (16 * 16 * 2 * 4) * (16 * 16 * 2 * 4));
}

#[test]
fn every_value_has_its_bits_and_leaves_all_others_alone() {
    for attributes in every_attributes() {
        for others in [0, u64::MAX, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa] {
            let bits = attributes.apply(others);
            assert_eq!(Attributes::from_bits(bits), attributes);
            let ours = 0x07ff_u64 << 48;
            assert_eq!(bits & !ours, others & !ours);
            let (priority, tries) = (u64::from(attributes.priority()), u64::from(attributes.tries()));
            let (successful, failures) =
                (u64::from(attributes.successful()), u64::from(attributes.failures()));
            assert_eq!((bits & ours) >> 48, priority | tries << 4 | successful << 8 | failures << 9);
        }
    }
    for (priority, tries, failures) in [(16, 0, 0), (0, 16, 0), (0, 0, 4)] {
        assert_eq!(Attributes::new(priority, tries, true, failures), None);
    }
}

#[test]
fn if_some_set_can_boot_before_an_operation_some_set_can_boot_after_it() {
    for sets in every_pair() {
        let before = sets.any_can_boot();
        for of in Set::BOTH {
            for (name, after) in operations(sets, of) {
                assert!(!before || after.any_can_boot(), "{name} of {of}: {sets:?} became {after:?}");
            }
        }
    }
}

#[test]
fn the_order_is_standing_then_priority_then_a_and_holds_all_that_can_boot() {
    for sets in every_pair() {
        let order: Vec<_> = sets.order().collect();
        let bootable: Vec<_> = Set::BOTH.into_iter().filter(|set| sets.get(*set).can_boot()).collect();
        assert_eq!(order.len(), bootable.len());
        assert_eq!(sets.next(), order.first().copied());
        let [first, second] = order[..] else { continue };
        assert_eq!((first.set, second.why), (second.set.other(), Why::OtherRefused));
        let (a, b) = (sets.get(Set::A), sets.get(Set::B));
        let b_first =
            (b.stands() && !a.stands()) || (a.stands() == b.stands() && b.priority() > a.priority());
        assert_eq!(first.set == Set::B, b_first, "{sets:?}");
    }
}

#[test]
fn every_choice_says_why() {
    let set = |priority, tries, successful, failures| {
        Attributes::new(priority, tries, successful, failures).unwrap()
    };
    let (good, other) = (set(1, 0, true, 0), set(2, 0, true, 2));
    let (failing, trial, spent) = (set(2, 0, true, 3), set(2, 3, false, 3), set(2, 0, false, 0));
    for (a, b, chosen, why) in [
        (good, other, Set::B, Why::HighestPriority),
        (good, trial, Set::B, Why::HighestPriority),
        (good, good, Set::A, Why::FirstOfEquals),
        (good, spent, Set::A, Why::OnlyBootable),
        (spent, trial, Set::B, Why::OnlyBootable),
        (good, failing, Set::A, Why::OtherLostStanding),
        (failing, failing, Set::A, Why::FreshRound),
        (failing, spent, Set::A, Why::FreshRound),
    ] {
        let choice = Sets::new(a, b).next().unwrap();
        assert_eq!((choice.set, choice.why), (chosen, why));
    }
    assert_eq!(Sets::new(spent, spent).next(), None);
}

#[test]
fn an_update_needs_a_confirmed_running_set() {
    for sets in every_pair() {
        for running in Set::BOTH.into_iter().filter(|set| !sets.get(*set).successful()) {
            let inactive = running.other();
            let refused = Err(Refusal::Unconfirmed { running });
            assert_eq!(sets.clear(running), refused);
            assert_eq!(sets.mark_valid(running, proof(inactive)), refused);
            assert_eq!(sets.arm(running, proof(inactive)), refused);
            assert_eq!(sets.cancel(running), refused);
        }
    }
}

#[test]
fn a_set_is_armed_only_with_proof_of_itself_and_only_behind_a_confirmed_set() {
    for sets in every_pair() {
        for running in Set::BOTH {
            let inactive = running.other();
            assert!(sets.arm(running, proof(running)).is_err());
            assert!(sets.mark_valid(running, proof(running)).is_err());
            if let Ok(marked) = sets.mark_valid(running, proof(inactive)) {
                assert_eq!(marked.get(inactive).state(), State::Staged);
                assert_eq!(marked.get(inactive).tries(), TRIAL_TRIES);
                assert_eq!(marked.get(running), sets.get(running));
            }
            let Ok(armed) = sets.arm(running, proof(inactive)) else { continue };
            assert_eq!(armed.get(inactive).state(), State::Trial);
            assert!(armed.get(running).can_boot() && armed.get(running).successful());
            assert_eq!(armed.next().unwrap().set, inactive);
            assert_eq!(armed.arm(running, proof(inactive)), Ok(armed), "a retry after a cut is no error");
            assert!(
                sets == armed || sets.get(inactive).priority() == 0,
                "an armed or failed set was armed again"
            );
        }
    }
    let (want, mut got) = (digests(), digests());
    assert_eq!(Written::prove(Set::B, &want, &got).unwrap().set(), Set::B);
    got.root.0[31] ^= 1;
    let mismatch = Mismatch { set: Set::B, image: "root", want: want.root, got: got.root };
    assert_eq!(Written::prove(Set::B, &want, &got), Err(mismatch));
    got = digests();
    got.uki = Digest([0; 32]);
    assert_eq!(Written::prove(Set::A, &want, &got).unwrap_err().image, "UKI");
}

#[test]
fn a_retry_never_touches_the_only_good_set() {
    for sets in every_pair() {
        for running in Set::BOTH {
            let inactive = running.other();
            if let Ok(cleared) = sets.clear(running) {
                let runs = sets.get(running);
                assert!(runs.can_boot() && runs.successful() && runs.failures() == 0, "{sets:?}");
                assert_eq!((cleared.get(running), cleared.get(inactive)), (runs, Attributes::EMPTY));
            }
            if sets.get(inactive).successful() {
                assert!(sets.mark_valid(running, proof(inactive)).is_err());
                assert!(sets.arm(running, proof(inactive)).is_err());
            }
        }
    }
}

#[test]
fn only_clearing_takes_a_confirmation_away_and_only_confirming_gives_one() {
    for sets in every_pair() {
        for of in Set::BOTH {
            for (name, after) in operations(sets, of) {
                for set in Set::BOTH {
                    let (was, is) = (sets.get(set), after.get(set));
                    match name {
                        "clear" if set != of => {}
                        "confirm" if set == of => assert_eq!(is.state(), State::Confirmed),
                        _ => assert_eq!(was.successful(), is.successful(), "{name} of {of}: {sets:?}"),
                    }
                    let keeps_its_boot =
                        !(was.successful() && was.can_boot()) || is.can_boot() || name == "clear";
                    assert!(keeps_its_boot, "{name} of {of} took a way back: {sets:?}");
                }
            }
        }
    }
}

#[test]
fn doing_it_again_changes_nothing() {
    for sets in every_pair() {
        for of in Set::BOTH {
            for (name, after) in operations(sets, of).filter(|(name, _)| *name != "spend") {
                assert_eq!(again(name, after, of), after, "{name} of {of}: {sets:?}");
            }
        }
    }
}

#[test]
fn the_boot_manager_changes_only_what_it_counts() {
    for sets in every_pair() {
        for set in Set::BOTH {
            let (was, spent, refused) = (sets.get(set), sets.spend(set), sets.refused(set));
            assert_eq!(refused.get(set.other()), sets.get(set.other()));
            if was.successful() || !was.can_boot() {
                assert_eq!(refused, sets);
            } else if sets.get(set.other()).can_boot() {
                assert_eq!(refused.get(set).state(), State::Empty);
            }
            let is = spent.get(set);
            assert_eq!((is.priority(), is.successful()), (was.priority(), was.successful()));
            let others = |it: Attributes| (it.priority(), it.tries(), it.successful());
            assert_eq!(others(spent.get(set.other())), others(sets.get(set.other())));
            if !was.can_boot() {
                assert_eq!(spent, sets);
            }
        }
    }
}

/// What bounds the starts until the sets change places: tries of a trial, failures that a confirmed set has left.
fn patience(it: Attributes) -> u8 {
    match it.state() {
        State::Trial => it.tries(),
        State::Confirmed => FAILURES_TO_LOSE_STANDING - it.failures(),
        _ => 0,
    }
}

#[test]
fn every_start_makes_progress_unless_nothing_else_could_start() {
    for sets in every_pair() {
        let Some(choice) = sets.next() else { continue };
        let (before, after) = (sets.get(choice.set), sets.spend(choice.set).get(choice.set));
        let alone = !sets.get(choice.set.other()).can_boot();
        match choice.why {
            Why::FreshRound => assert_eq!(after.failures(), 1),
            _ if alone && before.state() == State::Trial && before.tries() == 1 => assert_eq!(after, before),
            _ => assert_eq!(patience(after) + 1, patience(before), "{sets:?}"),
        }
    }
}

#[test]
fn with_nobody_confirming_every_set_that_can_boot_has_its_turn() {
    // The longest wait: fifteen tries of a trial, or two rounds of three.
    const LONGEST: usize = 15 + 1;
    for start in every_pair() {
        let mut waiting: Vec<_> = start.order().map(|choice| choice.set).collect();
        let mut sets = start;
        for _ in 0..LONGEST {
            let Some(choice) = sets.next() else { break };
            waiting.retain(|set| *set != choice.set);
            sets = sets.spend(choice.set);
        }
        assert!(waiting.is_empty(), "{waiting:?} never started: {start:?}");
    }
}

#[test]
fn two_failing_confirmed_sets_take_turns_of_three() {
    for start in every_pair() {
        let both = Set::BOTH.iter().all(|set| start.get(*set).can_boot() && start.get(*set).successful());
        if !both || start.get(Set::A).tries() + start.get(Set::B).tries() > 0 {
            continue;
        }
        let mut sets = start;
        let mut chosen = Vec::new();
        for _ in 0..24 {
            let set = sets.next().unwrap().set;
            chosen.push(set);
            sets = sets.spend(set);
        }
        // What was counted before shortens the first turns; from then on each has three.
        let settled = &chosen[6..];
        let first_change = settled.windows(2).position(|pair| pair[0] != pair[1]).unwrap() + 1;
        let turns = settled[first_change..first_change + 12].chunks(3);
        assert!(turns.clone().all(|turn| turn.iter().all(|set| *set == turn[0])), "{chosen:?}");
        assert!(turns.clone().zip(turns.skip(1)).all(|(one, next)| one[0] != next[0]), "{chosen:?}");
    }
}

#[test]
fn a_condemned_set_yields_at_once() {
    for sets in every_pair() {
        for running in Set::BOTH {
            let other = running.other();
            if sets.get(other).stands() {
                assert_eq!(sets.condemn(running).next().unwrap().set, other, "{sets:?}");
            }
        }
    }
}

#[test]
fn the_way_back_and_the_way_out_lead_where_they_say() {
    for sets in every_pair() {
        for running in Set::BOTH {
            let inactive = running.other();
            match sets.rollback(running) {
                Ok(back) => assert_eq!(back.next().unwrap().set, inactive, "{sets:?}"),
                Err(why) => assert_eq!(why, Refusal::NeverConfirmed { set: inactive }),
            }
            if let Ok(stay) = sets.cancel(running)
                && (sets.get(running).failures() < FAILURES_TO_LOSE_STANDING || !stay.get(inactive).stands())
            {
                assert_eq!(stay.next().unwrap().set, running, "{sets:?}");
            }
        }
    }
}
