#include "proxy/cli/output.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <unistd.h>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"

namespace postern::cli {
namespace {

int write_to(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// Columns on a terminal: UTF-8 continuation bytes take none. Wide characters are not looked at.
std::size_t width_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t present = width_of(text);
  if (present < width) text.append(width - present, ' ');
  return text;
}

std::string label_of(std::string_view key) {
  std::string label(key);
  std::replace(label.begin(), label.end(), '_', ' ');
  return label;
}

}  // namespace

int write_out(std::string_view text) noexcept {
  return write_to(STDOUT_FILENO, text);
}

int print(std::string_view text) {
  if (const int error = write_out(text); error != 0) {
    complain("cannot write to standard output: " + std::string(std::strerror(error)));
    return exit_failed;
  }
  return exit_done;
}

void complain(std::string_view sentence) {
  // Nowhere is left to report that standard error is closed.
  (void)write_to(STDERR_FILENO, "postern: " + std::string(sentence) + '\n');
}

int fail(const Error& error) {
  complain(error.message);
  return error.kind == ErrorKind::usage ? exit_usage : exit_failed;
}

void complain_about(const Diagnostics& diagnostics, const std::vector<const yaml::Document*>& documents) {
  (void)write_to(STDERR_FILENO, yaml::render(diagnostics, documents));
}

std::string plain_text(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "-";
    case boost::json::kind::string:
      return value.get_string().empty() ? "-" : std::string(value.get_string());
    case boost::json::kind::bool_:
      return value.get_bool() ? "yes" : "no";
    case boost::json::kind::array: {
      std::string text;
      for (const boost::json::value& item : value.get_array()) {
        if (!text.empty()) text += ", ";
        text += plain_text(item);
      }
      return text.empty() ? "-" : text;
    }
    default:
      return boost::json::serialize(value);
  }
}

std::string aligned(const boost::json::object& record) {
  std::size_t label_width = 0;
  for (const auto& [key, value] : record) label_width = std::max(label_width, key.size());
  std::string text;
  for (const auto& [key, value] : record) {
    text += padded(label_of(key) + ':', label_width + 2) + plain_text(value) + '\n';
  }
  return text;
}

void Output::declare(Arguments& arguments) {
  arguments.flag("--json", json_, "print JSON instead of text");
}

int Output::record(const boost::json::object& record) const {
  return print(json_ ? boost::json::serialize(record) + '\n' : aligned(record));
}

int Output::table(const boost::json::array& records, std::initializer_list<std::string_view> columns) const {
  if (json_) return print(boost::json::serialize(records) + '\n');

  std::vector<std::vector<std::string>> rows(1);
  for (const std::string_view column : columns) {
    std::string title = label_of(column);
    std::transform(title.begin(), title.end(), title.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    rows[0].push_back(std::move(title));
  }
  for (const boost::json::value& record : records) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const std::string_view column : columns) row.push_back(plain_text(record.at(column)));
  }

  std::vector<std::size_t> widths(columns.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      text += last ? row[i] : padded(std::move(row[i]), widths[i] + 2);
    }
    text += '\n';
  }
  return print(text);
}

int Output::done(std::string_view sentence, const boost::json::object& record) const {
  return print((json_ ? boost::json::serialize(record) : std::string(sentence)) + '\n');
}

}  // namespace postern::cli
