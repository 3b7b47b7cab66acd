"""Describes the frame's columns: unit, which direction is better, and meaning with equation."""

NATS, TEXT, COUNT, SHARE = "nats per image", "text", "count", "share"
FLAG, SECONDS = "true or false", "seconds"
RMS = "root mean square per pixel on [0, 1]"
LOSS = "weighted squared error per pixel"
SIMILARITY = "MS-SSIM, at most 1"
UP, DOWN = "higher is better", "lower is better"
CLASSIFIERS = {  # of mu(x), Appendix G
    "logistic": "logistic regression",
    "svm_linear": "linear SVM",
    "svm_rbf": "SVM with radial basis functions",
    "knn": "5 nearest neighbours",
}
MEASURED = {  # modules of metrics whose options rows name
    "robustness": "the attack",
    "psnr": "PSNR",
    "representation": "the classifiers on clean images",
    "corruption": "corruptions and their classifiers",
    "smoothness": "the interpolation",
    "sample_quality": "FID and IS",
    "iwae": "the importance-weighted bounds",
}
SINGLE_CORRUPTIONS = (  # CIFAR-10-C
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur"),
    *("motion_blur", "zoom_blur", "snow", "frost", "fog", "brightness", "contrast"),
    *("elastic_transform", "pixelate", "jpeg_compression", "speckle_noise", "gaussian_blur"),
    *("spatter", "saturate"),
)
OVERALL = "overall"  # one of them, drawn at random for each image
CORRUPTIONS = (*SINGLE_CORRUPTIONS, OVERALL)

# name: (unit, direction, meaning). ELBO(x) = E_q[log p(x|z) + log p(z) - log q(z|x)], Eq. 2.
TRIAL_COLUMNS = {
    "key": (TEXT, "", "the trial's name: readable part and hash of its fields"),
    "kind": (TEXT, "", "vae, diffusion or two_sample"),
    "state": (
        TEXT,
        "",
        "done, failed, partial or censored (ended early by its own rule, so without final values), "
        "judged by the number of epochs that the study requested",
    ),
    "dataset": (TEXT, "", "data set, or name of the user's own file"),
    "train_size": (COUNT, "", "images in D_train"),
    "split": (COUNT, "", "seed of the permutation whose first train_size images are D_train"),
    "replicate": (
        COUNT,
        "",
        "number of the draw of D_train, validation, test, diffusion model, weights and order",
    ),
    "partition": (TEXT, "", "images: train_and_test, disjoint (with validation) or development"),
    "source": (
        TEXT,
        "",
        "training distribution: normal, dmaapx, aug_naive, aug_tuned, ...",
    ),
    "source_real_share": (SHARE, "", "share of real images in an epoch"),
    "source_k": (COUNT, "", "distinct diffusion samples in units of |D_train|"),
    "source_diffusion_share": (SHARE, "", "share of D_train that the diffusion model saw"),
    "source_pool": (TEXT, "", "key of the diffusion trial, or name of the imported pool"),
    "source_pool_order": (TEXT, "", "epochs read chunk after chunk, or all samples shuffled"),
    "source_mix": (TEXT, "", "real images and samples: redrawn in each batch, or one fixed set"),
    "source_augment": (TEXT, "", "augmentation: naive or tuned (Tables 8-10)"),
    "source_augment_strength": (TEXT, "", "draws of strengths: normal, uniform or uniform_pos"),
    "source_augment_probability": (SHARE, "", "of each transformation; missing: data set default"),
    "source_augment_flip": (TEXT, "", "Table 10's flip with probability 1: coin or always"),
    "source_augment_shift": ("1", "", "std of a fractional translation, in widths; 0: none"),
    "source_augment_filter": (TEXT, "", "of the affine resampling: bilinear or sym6"),
    "source_keep_real": (FLAG, "", "no threshold after augmenting binary images"),
    "source_mollify_epochs": (COUNT, "", "length of the mollification schedule in epochs (B.6)"),
    "source_requantise": (FLAG, "", "mollified images are rounded to levels"),
    "content": (TEXT, "", "start of the SHA-256 of the user's own data file"),
    "half_asleep_from": (COUNT, "", "epochs until reverse half asleep begins (5.2); 0: never"),
    "half_asleep_source": (TEXT, "", "z of the decoder's samples: qz (of q) or prior"),
    "half_asleep_mix": (TEXT, "", "images of a step: half (are samples) or only_samples"),
    "stop_when": (TEXT, "", "what ends a trial early: never, collapsed, diverged or either"),
    "stop_after": (COUNT, "", "successive epochs in which stop_when must be met"),
    "stop_kl": (NATS, "", "a trial with a smaller KL(q(z|x) || p(z)) counts as collapsed"),
    "network": (TEXT, "", "residual or fully_connected"),
    "likelihood": (TEXT, "", "mixture, gaussian or bernoulli"),
    "m_z": (COUNT, "", "latent multiplier: channels of z (residual), d_z / 16 (fully-connected)"),
    "n_c": (COUNT, "", "inner channels (residual), hidden width (fully-connected)"),
    "seed": (COUNT, "", "seed of the weights and of every draw in training"),
    "lr": ("1", "", "Adam's learning rate"),
    "batch": (COUNT, "", "images in a batch"),
    "weight_decay": ("1", "", "weight decay of Adam"),
    "grad_clip": ("1", "", "largest norm of the gradient; missing: not clipped"),
    "lr_decay_epochs": (COUNT, "", "length of the cosine decay of lr to 0; 0: constant"),
    "mixtures": (COUNT, "", "K, components of the mixture of logistics per pixel"),
    "mol_mix": (TEXT, "", "mixture over colours: joint or per_channel"),
    "sigma": ("1", "", "standard deviation of the Gaussian likelihood on [0, 1]"),
    "gauss_mean_act": (TEXT, "", "activation of the Gaussian's mean: none or sigmoid"),
    "latent_reading": (TEXT, "", "m_z_channels (d_z = 64 m_z at 32 x 32) or channels_x64"),
    "res_inplace_quirk": (FLAG, "", "skip connections carry relu(x) instead of x"),
    "res_second_kernel": (COUNT, "", "side of a residual block's second kernel: 3 or 1"),
    "batch_norm": (FLAG, "", "batch normalization in the fully-connected network"),
    "binarise": (TEXT, "", "how BinaryMNIST is made: threshold or static_bernoulli"),
    "share": (SHARE, "", "share of D_train that the diffusion model sees (Appendix B.8)"),
    "channels": (COUNT, "", "channels of the diffusion U-Net at multiplier 1"),
    "multipliers": (TEXT, "", "of the channels, one per resolution of the U-Net"),
    "blocks": (COUNT, "", "residual blocks per resolution of the U-Net"),
    "attention": (TEXT, "", "sides of the feature maps at which the U-Net has attention"),
    "dropout": (SHARE, "", "share of activations that training sets to 0"),
    "budget": (TEXT, "", "held equal at every share: images, or epochs"),
    "ramp_images": (COUNT, "", "images over which lr grows linearly to its value"),
    "ema_images": (COUNT, "", "half-life of the averaged weights, in images trained on"),
    "precision": (TEXT, "", "of the networks' arithmetic in training: auto, float32, tf32 or bf16"),
    "recipe": (TEXT, "", "of a diffusion model's gradient steps: mean_loss or published (EDM)"),
    "pool": (TEXT, "", "as source_pool, of a two-sample trial"),
    "real": (TEXT, "", "images that a two-sample trial compares with samples: train or test"),
    "images": (COUNT, "", "images per class in a two-sample trial; missing: all real ones"),
    "stages": (COUNT, "", "of the ResNet that classifies samples and real images; 4: ResNet-18"),
    "momentum": ("1", "", "of stochastic gradient descent"),
}
ROW_COLUMNS = {
    "epoch": (COUNT, "", "effective epochs trained: passes over |D_train| images, from 1"),
    "train_elbo": (NATS, UP, "mean of ELBO(x) over the real D_train (Eq. 2)"),
    "test_elbo": (NATS, UP, "mean of ELBO(x) over D_test (Eq. 2)"),
    "validation_elbo": (NATS, UP, "mean of ELBO(x) over the validation images (Eq. 2)"),
    "source_elbo": (NATS, UP, "mean of ELBO(x) over the training distribution"),
    "generalization_gap": (NATS, DOWN, "G_g = train_elbo - test_elbo (Eq. 3)"),
    "amortization_gap": (NATS, DOWN, "G_a = mean of ELBO* - ELBO over D_test (Eq. 4)"),
    "robustness_gap": (
        "1",
        DOWN,
        "G_r = MS-SSIM(x^r, x^a) - MS-SSIM of their reconstructions (Eq. 5)",
    ),
    "optimal_elbo": (NATS, UP, "mean of ELBO* over amortization_images of D_test (Eq. 4)"),
    "encoder_elbo": (NATS, UP, "mean of ELBO over the same images, with the same draws (Eq. 4)"),
    "amortization_images": (COUNT, "", "images of D_test whose q is optimized"),
    "amortization_steps": (COUNT, "", "gradient steps on the q of each image"),
    "amortization_estimator": (
        TEXT,
        "",
        "version and options of the search for ELBO*; missing: the first version, biased low",
    ),
    "iwae_1": (NATS, UP, "the bound of iwae_100 with one draw: the ELBO of the same images"),
    "iwae_100": (NATS, UP, "mean of log 1/K sum_k p(x, z_k) / q(z_k|x) over D_test, K = 100"),
    "iwae_1000": (NATS, UP, "as iwae_100, with K = 1000: nearer to log p(x)"),
    "iwae_images": (COUNT, "", "images of D_test whose importance-weighted bound is measured"),
    "iwae_absent": (TEXT, "", "why the importance-weighted bounds were not measured"),
    "pool_nearest": (
        RMS,
        "",
        "median distance of the pool's samples to their nearest image of D_train",
    ),
    "pool_nearest_test": (RMS, "", "as pool_nearest, of test images; copies are far nearer"),
    "pool_near_copies": (SHARE, DOWN, "share of the pool's samples that nearly copy D_train"),
    "pool_near_copies_test": (SHARE, "", "as pool_near_copies, of test images"),
    "ms_ssim_input": (SIMILARITY, "", "mean of MS-SSIM(x^r, x^a) over the attacks (Eq. 5)"),
    "ms_ssim_reconstruction": (SIMILARITY, UP, "as ms_ssim_input, of their reconstructions' means"),
    "symmetric_kl": ("nats", DOWN, "mean of SKL(q(z|x^a), q(z|x^r)), which the attack maximizes"),
    "robustness_gap_sample": ("1", DOWN, "G_r of reconstructions drawn from p(x|z) (Eq. 5)"),
    "ms_ssim_reconstruction_sample": (SIMILARITY, UP, "MS-SSIM of reconstructions drawn"),
    "robustness_images": (COUNT, "", "images x^r that are attacked"),
    "robustness_references": (TEXT, "", "stratified by class, unstratified, or all images"),
    "robustness_variant": (TEXT, "", "MS-SSIM: kuzina (the attack's paper) or standard"),
    "psnr_mean": ("dB", UP, "10 log10(1 / squared error), reconstructions' means (Table 11)"),
    "psnr_sample": ("dB", UP, "as psnr_mean, reconstructions drawn from p(x|z) (Table 11)"),
    "interpolation_log_q": ("nats", UP, "mean of log q(z|x~) along an interpolation (Fig 3)"),
    "interpolation_mean": (TEXT, "", "mean over pairs of log q(z|x~), a JSON list over alpha"),
    "interpolation_first": (TEXT, "", "as interpolation_mean, of the first pair alone (Fig 3)"),
    "corruptions": (TEXT, "", "of CIFAR-10-C: official files, or generated here"),
    "sample_quality_extractor": (TEXT, "", "features of FID and IS: inception or classifier"),
    "amortization_absent": (TEXT, "", "why the amortization gap was not measured"),
    "robustness_absent": (TEXT, "", "why the robustness gap was not measured"),
    "psnr_absent": (TEXT, "", "why PSNR was not measured"),
    "representation_absent": (TEXT, "", "why accuracy was not measured"),
    "corruption_absent": (TEXT, "", "why accuracy on corruptions was not measured"),
    "sample_quality_absent": (TEXT, "", "why FID and IS were not measured"),
    "smoothness_absent": (TEXT, "", "why roughness was not measured"),
    "roughness": ("nats", DOWN, "sum of |changes of log q| along an interpolation (Fig 3)"),
    "fid": ("1", DOWN, "Frechet inception distance of samples to D_test (Table 11)"),
    "inception_score": ("1", UP, "of samples (Table 11)"),
    "accuracy": (SHARE, "", "held-out accuracy, samples against real images (Fig 18); 0.5: chance"),
    "train_accuracy": (SHARE, UP, "as accuracy, on the images trained on (Appendix D.3)"),
    "censored": (TEXT, "", "why the trial ended early: collapsed or diverged"),
    "data": (TEXT, "", "where the images come from: official, jpeg (JPEG copy of CIFAR-10), ..."),
    "fingerprint": (TEXT, "", "of these images: the start of their SHA-256"),
    "train_images": (COUNT, "", "images in D_train"),
    "validation_images": (COUNT, "", "validation images; missing: the partition has none"),
    "test_images": (COUNT, "", "images in D_test"),
    "draws": (TEXT, "", "how D_trains of replicates relate: random splits, disjoint sets, one set"),
    "drawn_from": (COUNT, "", "images that D_train is drawn from"),
    "train_kl": (NATS, "", "mean of KL(q(z|x) || p(z)) over D_train"),
    "test_kl": (NATS, "", "mean of KL(q(z|x) || p(z)) over D_test"),
    "train_reconstruction": (NATS, UP, "mean of E_q[log p(x|z)] over D_train"),
    "test_reconstruction": (NATS, UP, "mean of E_q[log p(x|z)] over D_test"),
    "test_bits_per_dim": (
        "bits per dimension",
        DOWN,
        "-test_elbo / (D ln 2), D the dimensions of an image, zero-padding included; "
        "of a Gaussian, whose ELBO is of a density on [0, 1], not comparable with levels",
    ),
    "loss": (
        LOSS,
        DOWN,
        "denoising loss (EDM), weighted to be the network's squared error, with dropout; "
        "of a two-sample trial the cross entropy in nats",
    ),
    "train_loss": (LOSS, DOWN, "loss of the averaged weights on the share of D_train"),
    "test_loss": (LOSS, DOWN, "loss of the averaged weights on D_test"),
    "parameters": (COUNT, "", "all parameters; of a VAE parameters_z + parameters_rest"),
    "parameters_z": (COUNT, "", "|Theta_z|: parameters of the layers next to z (section 4.2)"),
    "parameters_rest": (COUNT, "", "|Theta_not-z|: all other parameters"),
    "d_z": (COUNT, "", "dimensions of z"),
    "images_seen": (COUNT, "", "images trained on so far, repetitions counted"),
    "training_flops": (
        COUNT,
        "",
        "additions and multiplications of the linear maps in training so far, both gradients too",
    ),
    "seconds": (SECONDS, "", "training time so far, measuring excluded"),
    "images_per_s": ("images per second", UP, "training throughput"),
}
ROW_COLUMNS |= {
    f"{module}_options": (TEXT, "", f"options of {what} that are not the defaults, or defaults")
    for module, what in MEASURED.items()
}
ROW_COLUMNS |= {
    f"accuracy_{name}": (SHARE, UP, f"on mu(x) of test images, by {title} (Table 11)")
    for name, title in CLASSIFIERS.items()
}
ROW_COLUMNS["majority_share"] = (
    SHARE,
    "",
    "accuracy of the most frequent class as the answer for every test image, without mu(x)",
)
ROW_COLUMNS |= {
    f"accuracy_{name}__{corruption}": (SHARE, UP, f"under {corruption}, by {title} (Fig 4, 19)")
    for name, title in CLASSIFIERS.items()
    for corruption in CORRUPTIONS
}
COLUMNS = TRIAL_COLUMNS | ROW_COLUMNS
