#include "actors/gateway/gateway.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "actors/gateway/errand.hpp"
#include "runtime/openai/tokenize.hpp"

namespace troupe {
namespace {

constexpr const char* kJson = "application/json";

void answer(Responder& responder, const openai::Outcome<std::string>& body) {
  if (body.ok())
    responder.respond(200, kJson, body.value(), {});
  else
    respond_error(responder, body.error());
}

std::string version_body(const std::string& version) { return nlohmann::json::object({{"version", version}}).dump(); }

}  // namespace

Gateway::Gateway(caf::actor_config& config, std::shared_ptr<const GatewayOptions> options)
    : Actor(config), options_(std::move(options)), routes_(gateway_routes(*options_)) {}

GatewayActor::behavior_type Gateway::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    cuttable_.erase(down.source);
    call_ended();
  });
  return {
      [this](HttpArrived& arrived) { on(arrived); },
      [this](const BeginDrain&) { draining_ = true; },
      [this](const CutCalls&) {
        for (const auto& [address, call] : cuttable_) send(call, CutCall{});
      },
      [this](const IdleDue&) {
        idle_due_ = false;
        if (calls_ > 0) return;  // the last of them to end asks again
        const auto idle = now() - last_end_;
        if (idle < options_->idle_after) return await_idleness(options_->idle_after - idle);
        options_->on_idle();
      },
      [this](const QueryGateway&) {
        return GatewayState{calls_, draining_};
      },
  };
}

// CAF's clock holds this actor while an IdleDue is on its way; what it holds itself need not wait for that.
void Gateway::on_exit() {
  options_ = nullptr;
  routes_.clear();
  cuttable_.clear();
}

void Gateway::call_ended() {
  if (--calls_ > 0 || !options_->on_idle) return;
  last_end_ = now();
  if (!idle_due_) await_idleness(options_->idle_after);
}

void Gateway::await_idleness(std::chrono::steady_clock::duration time) {
  idle_due_ = true;
  delayed_send(this, time, IdleDue{});
}

void Gateway::on(HttpArrived& arrived) {
  auto exchange = std::move(arrived.exchange);
  const auto& request = exchange->request();
  CHECK(request.route < routes_.size(), request.route);
  const auto& entry = routes_[request.route];
  if (entry.kind == GatewayRoute::kExtra) return entry.handler(std::move(exchange));
  auto responder = respond_to(exchange);
  switch (entry.kind) {
    case GatewayRoute::kLive:
      return responder->respond(200, kJson, R"({"status":"ok"})", {});
    case GatewayRoute::kReady:
      return answer_ready(*responder);
    case GatewayRoute::kVersion:
      return responder->respond(200, kJson, version_body(options_->version), {});
    case GatewayRoute::kMetrics:
      return responder->respond(200, "text/plain; version=0.0.4; charset=utf-8", options_->metrics_text(), {});
    case GatewayRoute::kModels:
      return responder->respond(200, kJson, openai::model_list(*options_->model), {});
    case GatewayRoute::kModel:
      return answer(*responder, openai::model_card(*options_->model, request.parameter));
    case GatewayRoute::kCompletions:
    case GatewayRoute::kChat:
    case GatewayRoute::kTokenize:
    case GatewayRoute::kDetokenize:
      return begin_call(entry.kind, *exchange, std::move(responder));
    case GatewayRoute::kExtra:
      break;
  }
}

std::optional<openai::ApiError> Gateway::why_not() const {
  if (draining_)
    return openai::from_error(
        {ErrorCode::kUnavailable, "This server is shutting down and takes no new calls; try another, or again later."},
        options_->retry_after_s);
  if (options_->ready && !options_->ready())
    return openai::from_error(
        {ErrorCode::kUnavailable, "This server has no machine that serves at the moment; try again in a few seconds."},
        options_->retry_after_s);
  return std::nullopt;
}

void Gateway::answer_ready(Responder& responder) const {
  if (const auto error = why_not()) return respond_error(responder, *error);
  responder.respond(200, kJson, R"({"status":"ok"})", {});
}

void Gateway::begin_call(GatewayRoute kind, http::Exchange& exchange, std::unique_ptr<Responder> responder) {
  if (const auto error = why_not()) return respond_error(*responder, *error);
  if (calls_ >= options_->max_calls) {
    const auto message =
        std::to_string(calls_) + " calls are under way already, as many as may; try again in a few seconds.";
    return respond_error(*responder, openai::from_error({ErrorCode::kOverloaded, message}, options_->retry_after_s));
  }
  ++calls_;
  auto body = exchange.take_body();
  if (kind == GatewayRoute::kCompletions || kind == GatewayRoute::kChat) {
    CallInput input{kind == GatewayRoute::kChat ? CallBody::kChat : CallBody::kCompletion, std::move(body),
                    exchange.request().request_id};
    auto call =
        spawn_call(home_system(), options_, std::move(input), std::make_unique<HttpReply>(std::move(responder)));
    monitor(call);
    cuttable_.emplace(call.address(), std::move(call));
    return;
  }
  const bool own_thread = body.size() >= options_->own_thread_from_bytes;
  const auto work = [kind, options = options_, body = std::move(body),
                     responder = std::shared_ptr<Responder>(std::move(responder))] {
    const auto& model = *options->model;
    answer(*responder, kind == GatewayRoute::kTokenize
                           ? openai::tokenize(body, model, options->limits, options->unix_seconds())
                           : openai::detokenize(body, model, options->limits));
  };
  const ErrandActor errand =
      own_thread ? home_system().spawn<Errand, caf::detached>(work) : home_system().spawn<Errand>(work);
  monitor(errand);
  caf::anon_send(errand, RunErrand{});
}

}  // namespace troupe
