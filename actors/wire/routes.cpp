// RouteAsk, RouteAnswer, RouteNews and RouteLost: a router's decisions about requests that live on another node.
#include <cmath>

#include "actors/wire/codec.hpp"
#include "actors/wire/limits.hpp"

namespace troupe::wire {
namespace {

Attempt read_attempt(Intake& in, Attempt attempt) { return in.number("attempt", attempt, {0, kMostAttempts}); }

void write_candidates(const std::vector<policies::Candidate>& candidates, capnp::List<schema::Candidate>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setMachine(candidates[i].machine.value);
    to[i].setScore(candidates[i].score);
  }
}

std::vector<policies::Candidate> read_candidates(Intake& in, const char* field,
                                                 capnp::List<schema::Candidate>::Reader from) {
  std::vector<policies::Candidate> candidates(in.length(field, from.size(), {0, kMostMachinesInBeat}));
  for (unsigned i = 0; i < candidates.size(); ++i) {
    candidates[i] = {MachineId{from[i].getMachine()}, from[i].getScore()};
    if (!std::isfinite(candidates[i].score)) in.refuse(field, "holds a score that is no finite number");
  }
  return candidates;
}

void write(const policies::RoutingDecision& decision, schema::RoutingDecision::Builder to) {
  to.setPromptMachine(decision.prompt_machine.value);
  to.setTokenMachine(decision.token_machine.value);
  write_candidates(decision.prompt_candidates, to.initPromptCandidates(list_size(decision.prompt_candidates.size())));
  write_candidates(decision.token_candidates, to.initTokenCandidates(list_size(decision.token_candidates.size())));
  to.setReason(text_of(readable(decision.reason, kMostSentenceBytes)));
  to.setPolicy(text_of(readable(decision.policy, kMostNameBytes)));
}

policies::RoutingDecision read(Intake& in, schema::RoutingDecision::Reader from) {
  policies::RoutingDecision decision;
  decision.prompt_machine = MachineId{from.getPromptMachine()};
  decision.token_machine = MachineId{from.getTokenMachine()};
  decision.prompt_candidates = read_candidates(in, "prompt_candidates", from.getPromptCandidates());
  decision.token_candidates = read_candidates(in, "token_candidates", from.getTokenCandidates());
  decision.reason = in.text("reason", from.getReason(), kMostSentenceBytes);
  decision.policy = in.text("policy", from.getPolicy(), kMostNameBytes);
  return decision;
}

}  // namespace

void write(const RouteAsk& ask, schema::RouteAsk::Builder to) {
  to.setRequest(ask.request.value);
  to.setPromptTokens(ask.prompt_tokens);
  to.setMaxTokens(ask.max_tokens);
  to.setAttempt(ask.attempt);
  auto avoid = to.initAvoid(list_size(ask.avoid.size()));
  for (unsigned i = 0; i < avoid.size(); ++i) avoid.set(i, ask.avoid[i].value);
  if (!ask.placed) return;
  auto placed = to.initPlaced();
  placed.setPromptMachine(ask.placed->prompt_machine.value);
  placed.setTokenMachine(ask.placed->token_machine.value);
  placed.setPromptDone(ask.placed->prompt_done);
}

RouteAsk read(Intake& in, schema::RouteAsk::Reader from) {
  RouteAsk ask;
  ask.request = RequestId{from.getRequest()};
  ask.prompt_tokens = in.number("prompt_tokens", from.getPromptTokens(), {0, kMostTokens});
  ask.max_tokens = in.number("max_tokens", from.getMaxTokens(), {0, kMostTokens});
  ask.attempt = read_attempt(in, from.getAttempt());
  const auto avoid = from.getAvoid();
  ask.avoid.resize(in.length("avoid", avoid.size(), {0, kMostAvoided}));
  for (unsigned i = 0; i < ask.avoid.size(); ++i) ask.avoid[i] = MachineId{avoid[i]};
  if (!from.hasPlaced()) return ask;
  const auto placed = from.getPlaced();
  ask.placed =
      Placement{MachineId{placed.getPromptMachine()}, MachineId{placed.getTokenMachine()}, placed.getPromptDone()};
  return ask;
}

void write(const RouteAnswer& answer, schema::RouteAnswer::Builder to) {
  to.setRequest(answer.request.value);
  to.setAttempt(answer.attempt);
  to.setPromptMachine(answer.prompt_machine.value);
  to.setTokenMachine(answer.token_machine.value);
  if (const auto* decision = std::get_if<policies::RoutingDecision>(&answer.what)) {
    write(*decision, to.initDecision());
    return;
  }
  const auto& error = std::get<Error>(answer.what);
  auto refused = to.initRefused();
  refused.setCode(to_schema(error.code));
  refused.setMessage(text_of(readable(error.message, kMostSentenceBytes)));
}

RouteAnswer read(Intake& in, schema::RouteAnswer::Reader from) {
  RouteAnswer answer;
  answer.request = RequestId{from.getRequest()};
  answer.attempt = read_attempt(in, from.getAttempt());
  answer.prompt_machine = MachineId{from.getPromptMachine()};
  answer.token_machine = MachineId{from.getTokenMachine()};
  switch (from.which()) {
    case schema::RouteAnswer::DECISION: {
      const auto here = in.enter("decision");
      in.present(from.hasDecision());
      answer.what = read(in, from.getDecision());
      return answer;
    }
    case schema::RouteAnswer::REFUSED: {
      const auto here = in.enter("refused");
      in.present(from.hasRefused());
      const auto refused = from.getRefused();
      answer.what = Error{in.known("code", from_schema(refused.getCode())),
                          in.text("message", refused.getMessage(), kMostSentenceBytes)};
      return answer;
    }
  }
  in.unknown_kind(static_cast<unsigned>(from.which()));
  return answer;
}

void write(const RouteNews& news, schema::RouteNews::Builder to) {
  to.setRequest(news.request.value);
  to.setAttempt(news.attempt);
  to.setLeft(news.left);
  to.setGenerated(news.generated);
}

RouteNews read(Intake& in, schema::RouteNews::Reader from) {
  return {RequestId{from.getRequest()}, read_attempt(in, from.getAttempt()), from.getLeft(),
          in.number("generated", from.getGenerated(), {0, kMostTokens})};
}

void write(const RouteLost& lost, schema::RouteLost::Builder to) {
  to.setRequest(lost.request.value);
  to.setAttempt(lost.attempt);
  to.setMachine(lost.machine.value);
}

RouteLost read(Intake& in, schema::RouteLost::Reader from) {
  return {RequestId{from.getRequest()}, read_attempt(in, from.getAttempt()), MachineId{from.getMachine()}};
}

}  // namespace troupe::wire
