"""Searches over clusters and rates: the highest rate of one cluster, of the best split of a budget, and the cheapest cluster for a rate.

What they are given is a `judge`, from a cluster and a rate to a Verdict (splitwise_runs.py); they promise few calls of it, and rest on two
things, which full sweeps of four clusters bore out but for one split (docs/simulating.md): what holds at a rate holds at every lower one, and
where a split does not hold, its worst objective says which pool is short, so that no split with still fewer machines there needs to be tried.
"""


def highest_rate(rates, holds, guess=None):
    """The highest of `rates` (ascending) for which `holds(rate)`, and None where the lowest does not; first near `guess`, in growing steps."""
    good, bad = -1, len(rates)
    at, stride = (len(rates) // 2, None) if guess is None else (min(range(len(rates)), key=lambda i: abs(rates[i] - guess)), 1)
    while bad - good > 1:
        if holds(rates[at]):
            good = at
        else:
            bad = at
        bracketed = good >= 0 and bad < len(rates)
        if stride is None or bracketed:
            at = (good + bad) // 2
        else:
            at = max(0, bad - stride) if bad < len(rates) else min(len(rates) - 1, good + stride)
            stride *= 2
    return rates[good] if good >= 0 else None


def best_split(splits, rates, judge, guess_rate=None, guess_place=None):
    """(rate, place) of the split that holds the highest rate; (None, None) where none holds the lowest.

    `splits` go from few prompt machines to many. At a rate the places that may hold lie between those that were short of prompt machines and
    those that were short of token machines; what is ruled out at a rate is so at every higher one."""
    ruled = []  # (rate, first place, last place) that are left
    found = {}

    def holds(rate):
        first = max([low for at, low, _ in ruled if at <= rate], default=0)
        last = min([high for at, _, high in ruled if at <= rate], default=len(splits) - 1)
        lower = [found[at] for at in sorted(found) if at <= rate]
        place = lower[-1] if lower else guess_place
        while first <= last:
            if place is None or not first <= place <= last:
                place = (first + last) // 2
            verdict = judge(splits[place], rate)
            if verdict.holds:
                found[rate] = place
                return True
            first, last = (place + 1, last) if verdict.prompts_short else (first, place - 1)
            ruled.append((rate, first, last))
            place = None
        return False

    rate = highest_rate(rates, holds, guess_rate)
    return rate, found.get(rate)


def fewest(low, high, enough):
    """The least count from `low` to `high` that is enough, and None where `high` is not; what is enough stays so with more."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


def frontier(most, enough):
    """All (prompt, token) counts up to `most` that are enough, while with one machine less of either kind they are not."""
    least_tokens = fewest(1, most, lambda tokens: enough(most, tokens))
    prompts = fewest(1, most, lambda prompts: enough(prompts, most))
    if least_tokens is None or prompts is None:
        return []
    tokens = fewest(least_tokens, most, lambda tokens: enough(prompts, tokens))
    out = [(prompts, tokens)]
    while tokens > least_tokens and prompts < most:
        prompts += 1
        before = tokens
        while tokens > least_tokens and enough(prompts, tokens - 1):
            tokens -= 1
        if tokens < before:
            out.append((prompts, tokens))
    return out
