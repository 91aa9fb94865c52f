# Control messages between two nodes of a cluster. Read and written by actors/wire alone, whose wire.hpp says what each
# message means and whose limits.hpp says how long each list may be.
#
# How this file may change, so that two builds understand each other or refuse each other clearly:
# - Fields, union members and enumerants are only added, at the end and under the next number. None is removed, none is
#   renumbered, none gets another type; one that is no longer used keeps its place under the name `obsolete...`.
# - A field that an older build does not send reads as its default here: choose one with which the new build does what
#   the older one did. Defaults equal those of the C++ structs.
# - An older build ignores fields that it does not know. Where that is not good enough (what a message means changes, or
#   a new message or enumerant must be understood) kProtocolVersion in wire.hpp is raised: nodes of different versions
#   refuse each other in Hello. Hello and Refused stay readable by every version.
@0xbd1a5f3e7c9d2a41;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema::control");

struct Frame {
  session @0 :UInt64;
  union {
    hello @1 :Hello;
    refused @2 :Refused;
    machineUp @3 :MachineUp;
    machineDown @4 :MachineDown;
    beat @5 :Beat;
    admit @6 :Admit;
    cancel @7 :Cancel;
    startPrompt @8 :StartPrompt;
    stopPrompt @9 :StopPrompt;
    promptStopped @10 :PromptStopped;
    progress @11 :Progress;
    traceQuery @12 :TraceQuery;
    traceReply @13 :TraceReply;
    order @14 :Order;
    routeAsk @15 :RouteAsk;
    routeAnswer @16 :RouteAnswer;
    routeNews @17 :RouteNews;
    routeLost @18 :RouteLost;
    blocksQuery @19 :BlocksQuery;
    blocksReply @20 :BlocksReply;
    probeQuery @21 :ProbeQuery;
    probeReply @22 :ProbeReply;
    linkWord @23 :LinkWord;
  }
}

struct Hello {
  protocol @0 :UInt32;
  build @1 :Text;
  cluster @2 :Text;
  node @3 :UInt32;
  name @4 :Text;
  incarnation @5 :UInt64;
  session @6 :UInt64;
  pid @7 :UInt32;
  linkAddress @8 :Data;
}

struct LinkWord {
  word @0 :Data;
}

struct Refused {
  why @0 :Text;
  again @1 :Bool;
}

enum Role {
  prompt @0;
  token @1;
  mixed @2;
}

enum NumberFormat {
  f32 @0;
  f16 @1;
  bf16 @2;
}

struct MachineUp {
  machine @0 :UInt32;
  name @1 :Text;
  role @2 :Role = mixed;
  device @3 :Text;
  model @4 :Text;
  layers @5 :Int32;
  kvHeads @6 :Int32;
  headDim @7 :Int32;
  dtype @8 :NumberFormat;
  blocks @9 :Int64;
  draining @10 :Bool;
  epoch @11 :UInt64;
  away @12 :Bool;  # its role is not its home
  home @13 :Role = mixed;  # where it is away
  why @14 :Text;
}

struct MachineDown {
  machine @0 :UInt32;
}

struct Work {
  waiting @0 :Int32;
  running @1 :Int32;
  waitingTokens @2 :Int64;
  preemptions @3 :Int64;
}

struct Pool {
  byState @0 :List(Int32);  # indexed by BlockState
  total @1 :Int32;
  leases @2 :Int32;
}

struct MachineBeat {
  machine @0 :UInt32;
  prompts @1 :Work;
  tokens @2 :Work;
  blocks @3 :Pool;
}

struct LinkBeat {
  to @0 :UInt32;
  roundTripNs @1 :Int64;
  bytesPerS @2 :Float64;
}

struct Beat {
  number @0 :UInt64;
  machines @1 :List(MachineBeat);
  clockNs @2 :Int64;
  echo @3 :UInt64;
  echoHeldNs @4 :Int64;
  routes @5 :Bool;
  links @6 :List(LinkBeat);
}

struct LogitBias {
  token @0 :Int32;
  bias @1 :Float32;
}

struct Sampling {
  temperature @0 :Float32 = 1;
  topK @1 :Int32;
  topP @2 :Float32 = 1;
  minP @3 :Float32;
  presencePenalty @4 :Float32;
  frequencyPenalty @5 :Float32;
  repetitionPenalty @6 :Float32 = 1;
  logitBias @7 :List(LogitBias);
  logprobs @8 :Int32 = -1;  # -1: none
  seed @9 :UInt64;
  choice @10 :UInt64;
  stopTokens @11 :List(Int32);
  minTokens @12 :Int32;
  promptLogprobs @13 :Int32 = -1;  # -1: none
}

struct Request {
  id @0 :UInt64;
  name @1 :Text;
  prompt @2 :List(Int32);
  sampling @3 :Sampling;
  maxTokens @4 :Int32 = 16;
  ignoreEos @5 :Bool;
  stop @6 :List(Text);
  includeStop @7 :Bool;
  skipSpecialTokens @8 :Bool = true;
}

struct Ticket {
  high @0 :UInt64;
  low @1 :UInt64;
}

struct Admit {
  request @0 :Request;
  deadlineInNs @1 :Int64 = -1;  # from when it is sent; -1: none
  attempt @2 :Int32;
  generated @3 :List(Int32);
  promptMachine @4 :UInt32;
  tokenMachine @5 :UInt32;
}

struct Cancel {
  request @0 :UInt64;
  attempt @1 :Int32;
  tokenMachine @2 :UInt32;
}

struct StartPrompt {
  request @0 :Request;
  deadlineInNs @1 :Int64 = -1;  # from when it is sent; -1: none
  attempt @2 :Int32;
  generated @3 :List(Int32);
  promptMachine @4 :UInt32;
  tokenMachine @5 :UInt32;
  home @6 :UInt32;
  ticket @7 :Ticket;
  blocks @8 :Int32;
}

struct StopPrompt {
  request @0 :UInt64;
  attempt @1 :Int32;
  promptMachine @2 :UInt32;
}

struct PromptStopped {
  request @0 :UInt64;
  attempt @1 :Int32;
  ticket @2 :Ticket;
  complete @3 :Bool;
}

enum FinishReason {
  stop @0;
  length @1;
  cancelled @2;
  error @3;
}

enum ErrorCode {
  invalidInput @0;
  missingInput @1;
  unsupported @2;
  config @3;
  tooLarge @4;
  overloaded @5;
  unavailable @6;
  deadline @7;
  cancelled @8;
  internal @9;
}

struct TokenLogprob {
  token @0 :Int32;
  logprob @1 :Float32;
}

struct Sampled {
  token @0 :Int32;
  logprob @1 :Float32;
  rank @2 :Int32;
  top @3 :List(TokenLogprob);
}

struct PromptTimes {
  beganAgoNs @0 :Int64;  # before it was sent
  computingNs @1 :Int64;
}

struct TokenProduced {
  request @0 :UInt64;
  attempt @1 :Int32;
  index @2 :Int32;
  resultRequest @3 :UInt64;
  token @4 :Int32 = -1;
  numericalFault @5 :Bool;
  logprobs @6 :Sampled;  # absent: not asked for
  promptLogprobs @7 :List(Sampled);
  last @8 :Bool;
  reason @9 :FinishReason;
  promptTimes @10 :PromptTimes;  # absent: none
}

struct RequestFailed {
  request @0 :UInt64;
  attempt @1 :Int32;
  code @2 :ErrorCode = internal;
  message @3 :Text;
}

struct RequestReleased {
  request @0 :UInt64;
  attempt @1 :Int32;
  preemptions @2 :Int32;
}

struct News {
  union {
    produced @0 :TokenProduced;
    failed @1 :RequestFailed;
    released @2 :RequestReleased;
  }
}

struct Progress {
  news @0 :List(News);
}

struct TraceQuery {
  query @0 :UInt64;
  request @1 :UInt64;
}

struct TracedMessage {
  name @0 :Text;
  from @1 :Text;
  to @2 :Text;
  sentNs @3 :Int64;
  waitedNs @4 :Int64 = -1;
  handledNs @5 :Int64 = -1;
  note @6 :Text;
}

struct TraceReply {
  query @0 :UInt64;
  complete @1 :Bool;
  messages @2 :List(TracedMessage);
}

struct Order {
  epoch @0 :UInt64;
  machine @1 :UInt32;
  role @2 :Role = mixed;
  draining @3 :Bool;
  away @4 :Bool;  # the role is not its home
  home @5 :Role = mixed;  # where it is away
  why @6 :Text;
}

struct Placement {
  promptMachine @0 :UInt32;
  tokenMachine @1 :UInt32;
  promptDone @2 :Bool;
}

struct RouteAsk {
  request @0 :UInt64;
  promptTokens @1 :Int32;
  maxTokens @2 :Int32;
  attempt @3 :Int32;
  avoid @4 :List(UInt32);
  placed @5 :Placement;  # absent: not yet
}

struct Candidate {
  machine @0 :UInt32;
  score @1 :Float64;
}

struct RoutingDecision {
  promptMachine @0 :UInt32;
  tokenMachine @1 :UInt32;
  promptCandidates @2 :List(Candidate);
  tokenCandidates @3 :List(Candidate);
  reason @4 :Text;
  policy @5 :Text;
}

struct RouteRefused {
  code @0 :ErrorCode = internal;
  message @1 :Text;
}

struct RouteAnswer {
  request @0 :UInt64;
  attempt @1 :Int32;
  promptMachine @2 :UInt32;
  tokenMachine @3 :UInt32;
  union {
    decision @4 :RoutingDecision;
    refused @5 :RouteRefused;
  }
}

struct RouteNews {
  request @0 :UInt64;
  attempt @1 :Int32;
  left @2 :Bool;
  generated @3 :Int32;
}

struct RouteLost {
  request @0 :UInt64;
  attempt @1 :Int32;
  machine @2 :UInt32;
}

struct BlocksQuery {
  query @0 :UInt64;
  machine @1 :UInt32;
}

struct HeldBlocks {
  request @0 :UInt64;
  home @1 :Text;
  sends @2 :Bool;
  peer @3 :Text;
  heldNs @4 :Int64;
  byState @5 :List(Int32);  # indexed by BlockState
}

struct BlocksReply {
  query @0 :UInt64;
  found @1 :Bool = true;
  blocks @2 :Pool;
  leases @3 :List(HeldBlocks);
  leftOut @4 :Int32;
}

struct ProbeQuery {
  query @0 :UInt64;
}

struct PathReport {
  peer @0 :Text;
  transport @1 :Text;
  why @2 :Text;
  problem @3 :Text;
  roundTripNs @4 :Int64 = -1;
  bytesPerSecond @5 :Int64;
  bytes @6 :Int64;
  heardNs @7 :Int64 = -1;
  clockAheadNs @8 :Int64;
  clockErrorNs @9 :Int64 = -1;
}

struct ProbeReply {
  query @0 :UInt64;
  paths @1 :List(PathReport);
}
