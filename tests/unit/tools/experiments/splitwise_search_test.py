#!/usr/bin/env python3
"""The searches of tools/experiments/splitwise_search.py, on clusters whose answers are a formula: usage: splitwise_search_test.py [TEST]..."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[4] / "tools" / "experiments"))
from splitwise_runs import Verdict  # noqa: E402
from splitwise_search import best_split, fewest, frontier, highest_rate  # noqa: E402

RATES = list(range(5, 205, 5))


class Counted:
    """A function that counts what it was asked."""
    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, *question):
        self.asked.append(question)
        return self.answer(*question)


def of_pools(prompts, tokens, rate):
    """A prompt machine does 4 requests/s and a token machine 7."""
    return Verdict(rate / (4 * prompts), rate / (7 * tokens), 0)


class HighestRate(unittest.TestCase):
    def test_finds_every_knee_from_every_guess(self):
        for knee in (0, 5, 70, 195, 200, 300):
            for guess in (None, 1, 60, 75, 400):
                expected = max((rate for rate in RATES if rate <= knee), default=None)
                self.assertEqual(highest_rate(RATES, lambda rate: rate <= knee, guess), expected, (knee, guess))

    def test_asks_little_near_a_good_guess(self):
        holds = Counted(lambda rate: rate <= 80)
        self.assertEqual(highest_rate(RATES, holds, 75), 80)
        self.assertLessEqual(len(holds.asked), 4)

    def test_asks_no_rate_twice(self):
        for guess in (None, 5, 100, 200):
            holds = Counted(lambda rate: rate <= 120)
            highest_rate(RATES, holds, guess)
            self.assertEqual(len(set(holds.asked)), len(holds.asked), guess)


class BestSplit(unittest.TestCase):
    splits = [(prompts, 40 - prompts) for prompts in range(1, 40)]

    def best(self, judge, **guesses):
        return best_split(self.splits, RATES, lambda split, rate: judge(*split, rate), **guesses)

    def test_finds_what_a_full_sweep_finds(self):
        full = max(rate for rate in RATES for split in self.splits if of_pools(*split, rate).holds)
        for guesses in ({}, {"guess_rate": 20}, {"guess_rate": 180, "guess_place": 2}, {"guess_place": 38}):
            rate, place = self.best(of_pools, **guesses)
            self.assertEqual(rate, full, guesses)
            self.assertTrue(of_pools(*self.splits[place], rate).holds)

    def test_asks_a_small_part_of_a_full_sweep(self):
        judge = Counted(of_pools)
        self.best(judge, guess_rate=80)
        self.assertLess(len(judge.asked), 25)

    def test_says_that_nothing_holds(self):
        self.assertEqual(self.best(lambda *question: Verdict(9, 9, 9)), (None, None))


class Short(unittest.TestCase):
    def test_is_the_pool_that_draws_machines_in(self):
        self.assertTrue(Verdict(1.1, 2, 2, drawn_to_prompts=3, drawn_to_tokens=1).prompts_short)
        self.assertFalse(Verdict(2, 1.1, 2, drawn_to_prompts=0, drawn_to_tokens=1).prompts_short)

    def test_is_that_of_the_worse_metric_where_none_is_drawn_in(self):
        self.assertTrue(Verdict(2, 1.1, 2).prompts_short)
        self.assertFalse(Verdict(1.1, 2, 2).prompts_short)


class Frontier(unittest.TestCase):
    def test_has_all_clusters_of_which_no_machine_can_be_spared(self):
        def enough(prompts, tokens):
            return prompts >= 3 and tokens >= 2 and prompts + 2 * tokens >= 15
        expected = {(prompts, tokens) for prompts in range(1, 31) for tokens in range(1, 31)
                    if enough(prompts, tokens) and not enough(prompts - 1, tokens) and not enough(prompts, tokens - 1)}
        found = frontier(30, enough)
        self.assertTrue(set(found) <= {(prompts, tokens) for prompts in range(31) for tokens in range(31) if enough(prompts, tokens)})
        cheapest = min(2 * prompts + 3 * tokens for prompts, tokens in expected)
        self.assertEqual(min(2 * prompts + 3 * tokens for prompts, tokens in found), cheapest)
        self.assertEqual(len(found), len(set(tokens for _, tokens in expected)))

    def test_is_empty_where_no_cluster_is_enough(self):
        self.assertEqual(frontier(30, lambda prompts, tokens: False), [])
        self.assertIsNone(fewest(1, 30, lambda count: count > 30))


if __name__ == "__main__":
    unittest.main()
