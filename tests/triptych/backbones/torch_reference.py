"""torchvision's ResNet, ResNeXt, DenseNet and AlexNet in small, with its state_dict names.

`features(images)` is what comes before pooling and classifier. Independent of the Keras models.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, groups: int, base: int) -> None:
        super().__init__()
        width = planes * base // 64 * groups
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.downsample = downsample(inputs, planes * 4, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, groups: int, base: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample(inputs, planes, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


def downsample(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        counts: list[int],
        groups: int = 1,
        base: int = 64,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for stage, count in enumerate(counts):
            blocks = nn.Sequential()
            for index in range(count):
                stride = 2 if index == 0 and stage > 0 else 1
                planes = 64 * 2**stage
                blocks.append(block(inputs, planes, stride, groups, base))
                inputs = planes * block.expansion
            setattr(self, f"layer{stage + 1}", blocks)
        self.fc = nn.Linear(inputs, 1000)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x


class DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        new = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(new)))], 1)


class DenseNet(nn.Module):
    def __init__(self, channels: int, growth: int, counts: list[int]) -> None:
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(channels),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        for block, count in enumerate(counts, 1):
            dense = nn.Sequential()
            for index in range(count):
                dense.add_module(f"denselayer{index + 1}", DenseLayer(channels, growth))
                channels += growth
            parts[f"denseblock{block}"] = dense
            if block < len(counts):
                transition = nn.Sequential()
                transition.add_module("norm", nn.BatchNorm2d(channels))
                transition.add_module("relu", nn.ReLU())
                transition.add_module("conv", nn.Conv2d(channels, channels // 2, 1, bias=False))
                transition.add_module("pool", nn.AvgPool2d(2))
                parts[f"transition{block}"] = transition
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        parts["relu5"] = nn.ReLU()
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(channels, 1000)


class AlexNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(256 * 6 * 6, 8))


def reference(name: str) -> nn.Module:
    """The torch model of a backbone's name, PyTorch's random weights."""
    if name == "alexnet":
        return AlexNet()
    if name == "densenet121":
        return DenseNet(64, 32, [6, 12, 24, 16])
    if name == "densenet161":
        return DenseNet(96, 48, [6, 12, 36, 24])
    if name == "resnet18":
        return ResNet(BasicBlock, [2, 2, 2, 2])
    if name == "resnet34":
        return ResNet(BasicBlock, [3, 4, 6, 3])
    if name == "resnet50":
        return ResNet(Bottleneck, [3, 4, 6, 3])
    if name == "resnext50_32x4d":
        return ResNet(Bottleneck, [3, 4, 6, 3], groups=32, base=4)
    raise ValueError(name)


def random_statistics(model: nn.Module) -> nn.Module:
    """Batch norms as after a training: no mean 0, variance 1, weight 1 or bias 0 left."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()
