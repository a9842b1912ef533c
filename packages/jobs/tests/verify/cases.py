import json
import sys

sys.path.insert(0, sys.argv[1])
from verify import is_genuine  # noqa: E402

for one in json.load(sys.stdin):
    print(str(is_genuine(one["secret"], one["headers"], one["body"].encode(), one["now"])).lower())
