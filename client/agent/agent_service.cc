#include "client/agent/agent_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/proto_buffer_writer.h"

#include "client/agent/question.h"
#include "client/agent/refusal.h"
#include "client/request_secrets.h"

namespace latchkey {
namespace {

// As BatchValidateRequest states it.
constexpr int kMaxBatch = 100;

bool Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) {
  grpc::ByteBuffer shared = bytes;  // counts a reference, copies nothing
  grpc::ProtoBufferReader reader(&shared);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

grpc::Status Unreadable(const google::protobuf::Message& message) {
  return RefuseFields({{"", absl::StrCat("is not a message of type ",
                                         message.GetDescriptor()->name())}});
}

grpc::ServerUnaryReactor* End(grpc::CallbackServerContext* context,
                              const grpc::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

// Ends a call with `response`.
void Answer(const google::protobuf::Message& response, grpc::ByteBuffer* out,
            grpc::ServerUnaryReactor* reactor) {
  bool owned = false;
  reactor->Finish(
      grpc::SerializationTraits<google::protobuf::Message>::Serialize(
          response, out, &owned));
}

CheckOptions ReadQuestions(const v1::ValidateRequest& request,
                           std::vector<BadField>* bad) {
  return ReadQuestion("", request, bad);
}

std::vector<CheckOptions> ReadQuestions(const v1::BatchValidateRequest& request,
                                        std::vector<BadField>* bad) {
  std::vector<CheckOptions> questions;
  const int size = request.requests_size();
  if (size < 1 || size > kMaxBatch) {
    bad->push_back({"requests", "must be 1 to 100"});
    return questions;
  }
  for (int i = 0; i < size; ++i) {
    questions.push_back(ReadQuestion(absl::StrCat("requests[", i, "]."),
                                     request.requests(i), bad));
  }
  return questions;
}

std::optional<v1::ValidateResponse> AnswerHere(
    LocalAnswers& answers, const v1::ValidateRequest& request,
    const CheckOptions& question) {
  if (AsksMore(request)) return std::nullopt;
  v1::Revision revision = answers.revision();
  auto response = answers.Answer(request, question);
  if (response.has_value()) *response->mutable_revision() = std::move(revision);
  return response;
}

// All as of one instant: if anything was taken back meanwhile, the server says
// what holds.
std::optional<v1::BatchValidateResponse> AnswerHere(
    LocalAnswers& answers, const v1::BatchValidateRequest& request,
    const std::vector<CheckOptions>& questions) {
  v1::BatchValidateResponse response;
  *response.mutable_revision() = answers.revision();
  if (!request.GetReflection()->GetUnknownFields(request).empty()) {
    return std::nullopt;
  }
  for (int i = 0; i < request.requests_size(); ++i) {
    const v1::ValidateRequest& one = request.requests(i);
    if (AsksMore(one)) return std::nullopt;
    auto answer = answers.Answer(one, questions[i]);
    if (!answer.has_value()) return std::nullopt;
    *response.add_responses() = *std::move(answer);
  }
  if (answers.revision().token() != response.revision().token()) {
    return std::nullopt;
  }
  return response;
}

// What the server said to the agent that was not asked of the agent. A reason
// is for the agent to know: whom it answers has no permission of its own.
void TakeOut(bool want_revocable, v1::ValidateResponse* response) {
  if (!want_revocable) response->clear_revocable();
  response->clear_inactive_reason();
}

}  // namespace

template <typename Request>
struct AgentService::Waiting {
  Waiting(const Caller& asking, Request question)
      : caller(asking), request(std::move(question)) {}
  // Perhaps after the service: it touches nothing of it.
  ~Waiting() { WipeSecrets(&request); }

  const Caller caller;
  Request request;  // as it came
};

AgentService::AgentService(LocalAnswers& answers, AuthClient& client,
                           const Clock& clock, Options options)
    : answers_(answers),
      client_(client),
      clock_(clock),
      options_(std::move(options)) {}

grpc::ServerUnaryReactor* AgentService::Login(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return End(context, RefuseMethod());
}

grpc::ServerUnaryReactor* AgentService::Refresh(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return End(context, RefuseMethod());
}

grpc::ServerUnaryReactor* AgentService::Logout(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return End(context, RefuseMethod());
}

grpc::ServerUnaryReactor* AgentService::Validate(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Check<v1::ValidateRequest>(context, *in, out);
}

grpc::ServerUnaryReactor* AgentService::BatchValidate(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Check<v1::BatchValidateRequest>(context, *in, out);
}

template <typename Request>
grpc::ServerUnaryReactor* AgentService::Check(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer& in,
    grpc::ByteBuffer* out) {
  Request request;
  if (!Parse(in, &request)) return End(context, Unreadable(request));
  std::vector<BadField> bad;
  const auto questions = ReadQuestions(request, &bad);
  if (!bad.empty()) return End(context, RefuseFields(bad));
  const Caller caller = CallerOf(context, out);
  if (const auto answer = AnswerHere(answers_, request, questions)) {
    WipeSecrets(&request);
    Answer(*answer, caller.out, caller.reactor);
  } else if (auto waiting = Wait(caller, std::move(request))) {
    Ask(std::move(waiting));
  }
  return caller.reactor;
}

AgentService::Caller AgentService::CallerOf(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* out) const {
  return {.reactor = context->DefaultReactor(),
          .out = out,
          .deadline = std::min(absl::FromChrono(context->deadline()),
                               clock_.Now() + options_.ask_timeout)};
}

template <typename Request>
std::shared_ptr<AgentService::Waiting<Request>> AgentService::Wait(
    const Caller& caller, Request request) {
  if (asks_.fetch_add(1, std::memory_order_relaxed) >= options_.max_asks) {
    asks_.fetch_sub(1, std::memory_order_relaxed);
    WipeSecrets(&request);
    caller.reactor->Finish(RefuseForLoad());
    return nullptr;
  }
  return std::make_shared<Waiting<Request>>(caller, std::move(request));
}

void AgentService::Ask(std::shared_ptr<Waiting<v1::ValidateRequest>> waiting) {
  v1::ValidateRequest request = waiting->request;
  request.set_want_revocable(true);
  const absl::Time deadline = waiting->caller.deadline;
  client_.Validate(
      std::move(request), deadline,
      [this, waiting](absl::StatusOr<v1::ValidateResponse> response) {
        asks_.fetch_sub(1, std::memory_order_relaxed);
        if (!response.ok())
          return Fail(waiting->caller.reactor, response.status());
        answers_.Learn(waiting->request, *response);
        TakeOut(waiting->request.want_revocable(), &*response);
        Answer(*response, waiting->caller.out, waiting->caller.reactor);
      },
      OptionsOfCall());
}

void AgentService::Ask(
    std::shared_ptr<Waiting<v1::BatchValidateRequest>> waiting) {
  v1::BatchValidateRequest request = waiting->request;
  for (v1::ValidateRequest& one : *request.mutable_requests()) {
    one.set_want_revocable(true);
  }
  const absl::Time deadline = waiting->caller.deadline;
  client_.BatchValidate(
      std::move(request), deadline,
      [this, waiting](absl::StatusOr<v1::BatchValidateResponse> response) {
        asks_.fetch_sub(1, std::memory_order_relaxed);
        if (!response.ok())
          return Fail(waiting->caller.reactor, response.status());
        const v1::BatchValidateRequest& asked = waiting->request;
        const int size =
            std::min(asked.requests_size(), response->responses_size());
        for (int i = 0; i < size; ++i) {
          v1::ValidateResponse* const one = response->mutable_responses(i);
          *one->mutable_revision() = response->revision();
          answers_.Learn(asked.requests(i), *one);
          one->clear_revision();
          TakeOut(asked.requests(i).want_revocable(), one);
        }
        Answer(*response, waiting->caller.out, waiting->caller.reactor);
      },
      OptionsOfCall());
}

void AgentService::Fail(grpc::ServerUnaryReactor* reactor,
                        const absl::Status& error) {
  if (IsOfTheAgent(error)) {
    refused_by_server_.fetch_add(1, std::memory_order_relaxed);
  }
  reactor->Finish(RefuseAs(error));
}

CallOptions AgentService::OptionsOfCall() const {
  CallOptions options;
  options.credentials = options_.credentials;
  return options;
}

}  // namespace latchkey
