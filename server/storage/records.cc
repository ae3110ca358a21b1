#include "server/storage/records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/base/error.h"
#include "server/storage/byte_codec.h"

namespace latchkey {
namespace {

// Never reuse a number: a later layout of any record takes the next one.
constexpr uint8_t kVersion = 1;
// Of accounts of kind kService, and of their sessions. Records of persons stay
// as they are: whoever reads only those need not know of services.
constexpr uint8_t kServiceVersion = 2;

// `what` it was to be, for whoever looks after the store.
absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord,
                   absl::StrCat("a stored ", what, " is damaged"));
}

// Begins a record with its version.
ByteWriter NewRecord() {
  ByteWriter out;
  out.U8(kVersion);
  return out;
}

ByteWriter NewRecordOf(AccountKind kind) {
  ByteWriter out;
  out.U8(kind == AccountKind::kService ? kServiceVersion : kVersion);
  return out;
}

// KindOfVersion is nullopt for a version that is none of the two.
std::optional<AccountKind> KindOfVersion(uint8_t version) {
  if (version == kVersion) return AccountKind::kPerson;
  if (version == kServiceVersion) return AccountKind::kService;
  return std::nullopt;
}

void WriteProofs(const Account& account, ByteWriter* out) {
  out->U64(account.proof_generation);
  out->U8(static_cast<uint8_t>(account.secrets.size()));
  for (const ClientSecret& secret : account.secrets) {
    out->Raw(secret.id.view());
    out->Raw(secret.digest.view());
    out->Time(secret.create_time);
  }
  out->String(account.jwks);
  out->Strings(account.certificate_names);
}

// ReadProofs returns false if there are more secrets than an account may have.
bool ReadProofs(ByteReader* in, Account* account) {
  account->proof_generation = in->U64();
  const uint8_t count = in->U8();
  if (count > kMaxClientSecrets) return false;
  for (uint8_t i = 0; i < count; ++i) {
    ClientSecret& secret = account->secrets.emplace_back();
    secret.id = in->Fixed<ClientSecretId>();
    secret.digest = in->Fixed<ClientSecretDigest>();
    secret.create_time = in->Time();
  }
  account->jwks = in->String();
  account->certificate_names = in->Strings();
  return true;
}

}  // namespace

std::optional<absl::Time> ReadExpire(absl::string_view record) {
  if (record.size() < kExpireOffset + 8) return std::nullopt;
  return ByteReader(record.substr(kExpireOffset, 8)).Time();
}

std::string EncodeAccount(const Account& account) {
  ByteWriter out = NewRecordOf(account.kind);
  out.Raw(account.uid.view());
  out.U64(account.generation);
  out.U8(account.disabled ? 1 : 0);
  out.Time(account.create_time);
  out.Time(account.update_time);
  out.String(account.password_phc);
  out.Strings(account.roles);
  if (account.kind == AccountKind::kService) WriteProofs(account, &out);
  return out.Take();
}

absl::StatusOr<Account> DecodeAccount(absl::string_view name,
                                      absl::string_view record) {
  ByteReader in(record);
  const std::optional<AccountKind> kind = KindOfVersion(in.U8());
  if (!kind.has_value()) return Damaged("account");
  Account account;
  account.kind = *kind;
  account.name = std::string(name);
  account.uid = in.Fixed<AccountUid>();
  account.generation = in.U64();
  const uint8_t disabled = in.U8();
  account.disabled = disabled == 1;
  account.create_time = in.Time();
  account.update_time = in.Time();
  account.password_phc = in.String();
  account.roles = in.Strings();
  if (*kind == AccountKind::kService && !ReadProofs(&in, &account)) {
    return Damaged("account");
  }
  if (!in.Complete() || disabled > 1) return Damaged("account");
  return account;
}

std::string EncodeSession(const Session& session) {
  ByteWriter out = NewRecordOf(session.account_kind);
  out.Time(session.expire_time);
  out.Raw(session.id.view());
  out.U8(static_cast<uint8_t>(session.form));
  out.Raw(session.account_uid.view());
  out.U64(session.generation);
  out.Time(session.create_time);
  out.Time(session.auth_time);
  out.Duration(session.idle_ttl);
  out.Time(session.last_seen_time);
  out.String(session.account);
  out.Strings(session.audiences);
  out.Strings(session.roles);
  out.Strings(session.amr);
  out.String(session.client.user_agent);
  out.String(session.client.ip_address);
  out.String(session.client.device_label);
  return out.Take();
}

absl::StatusOr<Session> DecodeSession(absl::string_view record) {
  ByteReader in(record);
  const std::optional<AccountKind> kind = KindOfVersion(in.U8());
  if (!kind.has_value()) return Damaged("session");
  Session session;
  session.account_kind = *kind;
  session.expire_time = in.Time();
  session.id = in.Fixed<SessionId>();
  const uint8_t form = in.U8();
  session.form = static_cast<CredentialForm>(form);
  session.account_uid = in.Fixed<AccountUid>();
  session.generation = in.U64();
  session.create_time = in.Time();
  session.auth_time = in.Time();
  session.idle_ttl = in.Duration();
  session.last_seen_time = in.Time();
  session.account = in.String();
  session.audiences = in.Strings();
  session.roles = in.Strings();
  session.amr = in.Strings();
  session.client.user_agent = in.String();
  session.client.ip_address = in.String();
  session.client.device_label = in.String();
  const bool known_form =
      form == static_cast<uint8_t>(CredentialForm::kOpaque) ||
      form == static_cast<uint8_t>(CredentialForm::kJwt);
  if (!in.Complete() || !known_form) return Damaged("session");
  return session;
}

std::string EncodeSessionPointer(const SessionPointer& pointer) {
  ByteWriter out = NewRecord();
  out.Time(pointer.expire_time);
  out.Raw(pointer.key.view());
  return out.Take();
}

absl::StatusOr<SessionPointer> DecodeSessionPointer(absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("session pointer");
  SessionPointer pointer;
  pointer.expire_time = in.Time();
  pointer.key = in.Fixed<SessionKey>();
  if (!in.Complete()) return Damaged("session pointer");
  return pointer;
}

std::string EncodeActivity(const ActivityNote& note) {
  ByteWriter out = NewRecord();
  out.Time(note.expire_time);
  out.Time(note.seen);
  return out.Take();
}

absl::StatusOr<ActivityNote> DecodeActivity(absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("activity note");
  ActivityNote note;
  note.expire_time = in.Time();
  note.seen = in.Time();
  if (!in.Complete()) return Damaged("activity note");
  return note;
}

std::string EncodeRevocations(const std::vector<Revocation>& revocations) {
  absl::Time latest = absl::UnixEpoch();
  for (const Revocation& revocation : revocations) {
    latest = std::max(latest, revocation.drop_time);
  }
  ByteWriter out = NewRecord();
  out.Time(latest);
  out.U32(static_cast<uint32_t>(revocations.size()));
  for (const Revocation& revocation : revocations) {
    out.U8(static_cast<uint8_t>(revocation.kind));
    out.Time(revocation.drop_time);
    switch (revocation.kind) {
      case Revocation::Kind::kSession:
        out.Raw(revocation.session.view());
        break;
      case Revocation::Kind::kAccount:
        out.Raw(revocation.account.view());
        out.U64(revocation.lowest_good);
        break;
      case Revocation::Kind::kKey:
        out.String(revocation.kid);
        break;
      case Revocation::Kind::kEpoch:
        out.Raw(revocation.epoch.view());
        break;
    }
  }
  return out.Take();
}

absl::StatusOr<std::vector<Revocation>> DecodeRevocations(
    absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("revocation");
  const absl::Time latest = in.Time();
  const uint32_t count = in.U32();
  // One takes 11 bytes or more: a count beyond that is no count.
  if (count == 0 || count > record.size() / 11) return Damaged("revocation");
  std::vector<Revocation> revocations(count);
  absl::Time seen_latest = absl::UnixEpoch();
  for (Revocation& revocation : revocations) {
    revocation.kind = static_cast<Revocation::Kind>(in.U8());
    revocation.drop_time = in.Time();
    seen_latest = std::max(seen_latest, revocation.drop_time);
    switch (revocation.kind) {
      case Revocation::Kind::kSession:
        revocation.session = in.Fixed<SessionId>();
        break;
      case Revocation::Kind::kAccount:
        revocation.account = in.Fixed<AccountUid>();
        revocation.lowest_good = in.U64();
        break;
      case Revocation::Kind::kKey:
        revocation.kid = in.String();
        break;
      case Revocation::Kind::kEpoch:
        revocation.epoch = in.Fixed<Epoch>();
        break;
      default:
        return Damaged("revocation");
    }
  }
  if (!in.Complete() || latest != seen_latest) return Damaged("revocation");
  return revocations;
}

std::string EncodeKey(const KeyRecord& key) {
  ByteWriter out = NewRecord();
  out.U8(static_cast<uint8_t>(key.algorithm));
  out.Time(key.create_time);
  out.Time(key.activate_time);
  out.String(key.public_jwk);
  out.String(key.sealed_private);
  return out.Take();
}

absl::StatusOr<KeyRecord> DecodeKey(absl::string_view kid,
                                    absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("key");
  KeyRecord key;
  key.kid = std::string(kid);
  const uint8_t algorithm = in.U8();
  key.algorithm = static_cast<KeyAlgorithm>(algorithm);
  key.create_time = in.Time();
  key.activate_time = in.Time();
  key.public_jwk = in.String();
  key.sealed_private = in.String();
  const bool known_algorithm =
      algorithm == static_cast<uint8_t>(KeyAlgorithm::kEs256) ||
      algorithm == static_cast<uint8_t>(KeyAlgorithm::kEdDsa);
  if (!in.Complete() || !known_algorithm) return Damaged("key");
  return key;
}

std::string EncodeMetaNumber32(uint32_t value) {
  ByteWriter out = NewRecord();
  out.U32(value);
  return out.Take();
}

absl::StatusOr<uint32_t> DecodeMetaNumber32(absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("meta record");
  const uint32_t value = in.U32();
  if (!in.Complete()) return Damaged("meta record");
  return value;
}

std::string EncodeMetaNumber64(uint64_t value) {
  ByteWriter out = NewRecord();
  out.U64(value);
  return out.Take();
}

absl::StatusOr<uint64_t> DecodeMetaNumber64(absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("meta record");
  const uint64_t value = in.U64();
  if (!in.Complete()) return Damaged("meta record");
  return value;
}

std::string EncodeMetaEpoch(const Epoch& epoch) {
  ByteWriter out = NewRecord();
  out.Raw(epoch.view());
  return out.Take();
}

absl::StatusOr<Epoch> DecodeMetaEpoch(absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("meta record");
  const Epoch epoch = in.Fixed<Epoch>();
  if (!in.Complete()) return Damaged("meta record");
  return epoch;
}

std::string EncodeMetaString(absl::string_view value) {
  ByteWriter out = NewRecord();
  out.String(value);
  return out.Take();
}

absl::StatusOr<std::string> DecodeMetaString(absl::string_view record) {
  ByteReader in(record);
  if (in.U8() != kVersion) return Damaged("meta record");
  std::string value = in.String();
  if (!in.Complete()) return Damaged("meta record");
  return value;
}

}  // namespace latchkey
