"""Defines trials: each describes one model to train, and its key names what affects the result."""

from scaling.trial.diffusion import DiffusionTrial as DiffusionTrial
from scaling.trial.grid import grid as grid
from scaling.trial.grid import on_dataset as on_dataset
from scaling.trial.keys import KINDS as KINDS
from scaling.trial.keys import Data as Data
from scaling.trial.keys import Kind as Kind
from scaling.trial.keys import Trial as Trial
from scaling.trial.keys import data_of as data_of
from scaling.trial.keys import from_dict as from_dict
from scaling.trial.keys import group_name as group_name
from scaling.trial.keys import headline as headline
from scaling.trial.keys import key as key
from scaling.trial.keys import to_dict as to_dict
from scaling.trial.source import DMAAPX as DMAAPX
from scaling.trial.source import NORMAL as NORMAL
from scaling.trial.source import SOURCES as SOURCES
from scaling.trial.source import Source as Source
from scaling.trial.source import parse_source as parse_source
from scaling.trial.two_sample import TwoSampleTrial as TwoSampleTrial
from scaling.trial.vae import VaeTrial as VaeTrial
