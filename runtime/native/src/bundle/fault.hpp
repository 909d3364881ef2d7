// The closed set of ways in which a bundle is refused. The words are those of the Python runtime (bundle/faults.py).
#pragma once

#include <string>

#include "slsc/native.h"
#include "support/error.hpp"

namespace slsc {

enum class Fault {
    unreadable,        // missing, no regular file, or the system refuses to read it
    not_a_bundle,      // not a zip as slsc writes it: another format, or bytes before, between or after its parts
    truncated,         // ends before its table of contents does
    older_schema,      // the manifest's schema is no longer read
    newer_schema,      // the manifest's schema is not read yet
    bad_manifest,      // not strict JSON, or a field is missing, unknown, of the wrong type or out of range
    missing_entry,     // the manifest names an entry that the file lacks, or there is no manifest
    unexpected_entry,  // the file holds an entry that the manifest does not name
    duplicate_entry,   // two entries have one name, compared without case
    changed_entry,     // an entry's size or checksum is not the recorded one
    compressed_entry,  // an entry is compressed or encrypted
    bad_path,          // an entry's name uses more than [A-Za-z0-9._-/], or leaves the bundle
    too_large,         // the file, an entry or the table of contents exceeds what is read
};

const char* word(Fault fault);

class BundleError : public Error {
public:
    BundleError(Fault fault, const std::string& why);
    // The same refusal, with the file concerned in front.
    BundleError(const BundleError& refusal, const std::string& path);
    Fault fault() const { return fault_; }

private:
    Fault fault_;
};

}  // namespace slsc
