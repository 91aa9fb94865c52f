"""What `troupe profile` wrote, read again: times of steps, between those that were measured, and means of several files.

Imported by fidelity beside it; nothing beyond Python.
"""
import bisect
import statistics


def split_step(line):
    """What was measured, and how many seconds it took; (line, None) where it is another line."""
    if not line.startswith("      - ["):
        return line, None
    head, seconds = line.rstrip("]").rsplit(",", 1)
    return head, float(seconds)


def mean_profile(files, out):
    """A hardware file of the mean times, with the jitter that all of them saw around these."""
    tables = [[split_step(line) for line in file.read_text().splitlines()] for file in files]
    means = {head: statistics.mean(dict(table)[head] for table in tables) for head, seconds in tables[0] if seconds}
    jitter = []
    for table in tables:
        speed = statistics.median(seconds / means[head] for head, seconds in table if seconds)
        line = next(line for line, _ in table if line.startswith("    jitter: "))
        jitter += [speed * float(factor) for factor in line.split("[")[1].rstrip("]").split(", ")]
    jitter = sorted(jitter)[len(files) // 2::len(files)]
    lines = []
    for head, seconds in tables[0]:
        if head.startswith("    jitter: "):
            head = f"    jitter: [{', '.join(f'{factor:.6f}' for factor in jitter)}]"
        lines.append(f"{head}, {means[head]}]" if seconds else head)
    out.write_text("\n".join(lines) + "\n")
    return out


def model_name(file):
    lines = file.read_text().splitlines()
    return lines[lines.index("models:") + 1].split(": ")[1]


def recorded(file):
    """What was recorded of prompts alone, (tokens, seconds), and of batches of decodes alone, {batch: (positions, seconds)}."""
    prompts, decodes = [], {}
    for head, seconds in (split_step(line) for line in file.read_text().splitlines()):
        if seconds is None:
            continue
        tokens, before, batch, positions = (float(part) for part in head.split(",")[1:])
        if tokens and not batch and not before:
            prompts.append((tokens, seconds))
        elif batch and not tokens:
            decodes.setdefault(batch, []).append((positions, seconds))
    return sorted(prompts), {batch: sorted(points) for batch, points in decodes.items()}


def between(points, x):
    """On the line through the two points around x, or the two at that end."""
    place = min(max(bisect.bisect([each for each, _ in points], x), 1), len(points) - 1)
    (x0, y0), (x1, y1) = points[place - 1:place + 1]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def prompt_seconds(file, tokens):
    return between(recorded(file)[0], tokens)


def decode_seconds(file, batch, context):
    return between(recorded(file)[1][batch], batch * context)
