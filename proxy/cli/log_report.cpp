#include "proxy/cli/log_report.hpp"

#include <boost/json.hpp>

namespace postern::cli {

std::string requests(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " request" : " requests");
}

std::string log_text(const LogReader& log) {
  std::string text = std::to_string(log.lines()) + (log.lines() == 1 ? " line read" : " lines read");
  if (log.broken_count() == 0) return text + '\n';
  text += ", " + std::to_string(log.broken_count()) + " of them broken:\n";
  for (const LogReader::Broken& broken : log.broken())
    text += "  " + broken.file + ':' + std::to_string(broken.line) + ": " + broken.why + '\n';
  if (log.broken_count() > log.broken().size())
    text += "  and " + std::to_string(log.broken_count() - log.broken().size()) + " more\n";
  return text;
}

void add_log(boost::json::object& record, const LogReader& log) {
  namespace json = boost::json;
  record["lines"] = log.lines();
  record["broken"] = log.broken_count();
  json::array lines;
  for (const LogReader::Broken& broken : log.broken())
    lines.push_back(json::object{{"file", broken.file}, {"line", broken.line}, {"why", broken.why}});
  record["broken_lines"] = std::move(lines);
}

}  // namespace postern::cli
