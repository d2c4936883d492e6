"""Print template.yaml as CloudFormation would see it, after the SAM transform (run by .venv-sam's interpreter).

Code and layers, which `sam deploy` uploads first, stand at a made-up place in S3.
"""

import json
import sys
from pathlib import Path

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

template = yaml_parse((Path(__file__).parents[1] / "template.yaml").read_text())
for resource in template["Resources"].values():
    for place in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
        resource["Properties"][place] = "s3://bucket/key"
translated = Translator({}, Parser()).translate(template, parameter_values={})
json.dump(translated, sys.stdout, indent=1)
